import type { Logger } from 'pino';
import type { AgentMessage, HostStatus, RunId, ToAgentMessage } from '../../protocol/index.ts';
import type { Connection, Session, SessionMessage } from '../link/link.ts';
import { Tails } from '../tail/tails.ts';
import { askToCancel } from './cancel.ts';
import type { HostRuns } from './host-runs.ts';
import type { Intake } from './intake.ts';

export interface AgentServices {
  readonly stateDir: string;
  readonly runs: HostRuns;
  readonly intake: Intake;
  readonly log: Logger;
  /** The status as last found out. */
  readonly status: () => HostStatus | undefined;
  /** Finds the status out anew, the newest revision upstream included; it is told to the session when it is known. */
  readonly refreshStatus: () => void;
}

/** What one welcome begins: the relay's questions are answered, and what it lacks is sent, until the link is lost. */
export class AgentSession implements Session {
  readonly #connection: Connection;
  readonly #services: AgentServices;
  readonly #tails: Tails;
  /** Settles when the relay was told of all runs; it takes the first list for the whole. */
  readonly #listed: Promise<void>;

  constructor(connection: Connection, services: AgentServices) {
    this.#connection = connection;
    this.#services = services;
    this.#tails = new Tails(services.stateDir, connection, services.log, connection.welcome.progress);
    this.#listed = this.#answer('the runs', async () => {
      this.#say({ type: 'runs', runs: await services.runs.describeAll() });
      const status = services.status();
      if (status) this.tellStatus(status);
    });
  }

  receive(message: SessionMessage): void {
    switch (message.type) {
      case 'update-agent':
        void this.#answer(`run ${message.runId}`, async () => {
          const { type: _, ...envelope } = message;
          this.#services.log.info(`asked for an update: run ${message.runId}`);
          const answer = await this.#services.intake.take(envelope);
          if (!answer.accepted) this.#services.log.warn(`run ${message.runId} is refused: ${answer.reason?.message}`);
          this.#say(answer);
          // the relay asks for the run's output once it was told that there is some
          if (answer.accepted) await this.#services.runs.look();
        });
        return;
      case 'cancel':
        void this.#answer(`cancelling run ${message.runId}`, async () => {
          this.#services.log.info(`asked to cancel run ${message.runId} by ${message.by}`);
          // a run that this host does not have is over for the relay by the list, not by an answer that it came before
          await this.#listed;
          this.#say(await askToCancel(this.#services, message.runId, message.by));
        });
        return;
      case 'refresh':
        this.#services.refreshStatus();
        return;
      case 'resume':
        void this.#answer(`run ${message.runId}`, () => this.#resume(message));
        return;
      case 'rewind':
        this.#tails.rewind(message);
        return;
      case 'events-ack':
        // a relay that lost events says so by the position of its next resume
        return;
    }
  }

  end(): void {
    this.#tails[Symbol.dispose]();
  }

  tellStatus(status: HostStatus): void {
    this.#say({ type: 'status', status });
  }

  /** A run has its first event. */
  announce(runId: RunId): void {
    void this.#answer(`run ${runId}`, async () => {
      await this.#listed;
      const run = await this.#services.runs.describe(runId);
      if (run) this.#say({ type: 'runs', runs: [run] });
    });
  }

  async #resume(message: Extract<ToAgentMessage, { type: 'resume' }>): Promise<void> {
    const run = await this.#services.runs.find(message.runId);
    if (!run) {
      this.#services.log.warn(`the relay asks for run ${message.runId}, which this host does not have`);
      return;
    }
    if (message.afterSeq > run.seq) {
      this.#services.log.warn(
        `the relay has ${message.afterSeq} events of run ${message.runId}, this host only ${run.seq}; was its disk replaced?`,
      );
    }
    this.#tails.resume(message);
  }

  #say(message: AgentMessage): void {
    this.#connection.send(message);
  }

  /** Does something and reports what goes wrong. Never rejects. */
  async #answer(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#services.log.error(`${what}: ${(error as Error).message}`);
    }
  }
}
