import type { FleetHost, RunId, RunSummary } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import type { Link } from '../connection/link.ts';
import {
  changeBetween,
  concernsFleet,
  findRun,
  isVisiblyOther,
  NO_FLEET,
  reduceFleet,
  type Fleet,
  type FleetChange,
  type FleetInput,
} from './fleet.ts';

/** Holds the present snapshot. Inputs that come together become one change. */
export class FleetStore extends Disposable {
  readonly #changed = this.own(new Emitter<FleetChange>());
  #fleet: Fleet = NO_FLEET;
  #inputs: FleetInput[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  #url: string | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(link: Pick<Link, 'onMessage' | 'onDidChangeState' | 'url'>) {
    super();
    this.own(
      link.onMessage(message => {
        if (concernsFleet(message)) this.#take({ type: 'message', message, at: Date.now() });
      }),
    );
    this.own(
      link.onDidChangeState(state => {
        if (link.url !== this.#url) this.#take({ type: 'forget' });
        else if (state.kind !== 'online') this.#take({ type: 'link-down' });
        this.#url = link.url;
      }),
    );
  }

  get fleet(): Fleet {
    return this.#fleet;
  }

  host(name: string): FleetHost | undefined {
    return this.#fleet.hosts.get(name);
  }

  run(runId: RunId): RunSummary | undefined {
    return findRun(this.#fleet, runId);
  }

  /** Now, by the relay's clock: what its times are compared with. */
  now(): number {
    return Date.now() + this.#fleet.clockOffset;
  }

  override dispose(): void {
    clearImmediate(this.#scheduled);
    super.dispose();
  }

  #take(input: FleetInput): void {
    this.#inputs.push(input);
    this.#scheduled ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = undefined;
    const previous = this.#fleet;
    this.#fleet = reduceFleet(previous, this.#inputs);
    this.#inputs = [];
    if (isVisiblyOther(previous, this.#fleet)) this.#changed.fire(changeBetween(previous, this.#fleet));
  }
}
