import { START, type Position, type RunOnHost, type StreamName, type StreamPositions } from '../../protocol/index.ts';
import type { Streams } from '../backbone/backbone.ts';
import { endOf } from '../backbone/stream-state.ts';

const STREAM_NAMES: readonly StreamName[] = ['output', 'lock-before', 'lock-after'];

export interface ResumePlan {
  /** What to ask the host for; undefined when nothing is missing. */
  readonly resume?: { readonly afterSeq: number; readonly streams: StreamPositions };
  /** Streams that an ended run never had: there is nothing of them, and there will be nothing. */
  readonly absent: readonly StreamName[];
}

/**
 * What the relay lacks of a run that lies on its host. Of a run that goes on it always wants what comes; of one that
 * ended only what is missing.
 */
export function planResume(listed: RunOnHost, have: { readonly seq: number; readonly streams: Streams }): ResumePlan {
  const open = STREAM_NAMES.filter(name => have.streams[name]?.ended !== true);
  const wanted = listed.ended ? open.filter(name => listed.streams[name] !== undefined) : open;
  const absent = listed.ended
    ? open.filter(name => listed.streams[name] === undefined && have.streams[name] === undefined)
    : [];
  if (listed.ended && wanted.length === 0 && listed.seq <= have.seq) return { absent };
  return { resume: { afterSeq: have.seq, streams: positions(wanted, have.streams) }, absent };
}

/** Where to go on in all streams that have not ended. */
export function openPositions(streams: Streams): StreamPositions {
  return positions(
    STREAM_NAMES.filter(name => streams[name]?.ended !== true),
    streams,
  );
}

function positions(names: readonly StreamName[], streams: Streams): StreamPositions {
  return Object.fromEntries(names.map((name): [StreamName, Position] => [name, positionIn(streams, name)]));
}

function positionIn(streams: Streams, name: StreamName): Position {
  const state = streams[name];
  return state ? endOf(state) : START;
}
