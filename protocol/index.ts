/**
 * The words that agent, relay and operators say to each other: message schemas, the binary output frame, the events of
 * a run and the state they add up to. Everybody comes in here; this room imports nothing of the house.
 */
export * from './build-progress.ts';
export * from './close-codes.ts';
export * from './codec.ts';
export * from './enrollment.ts';
export * from './fleet.ts';
export * from './frame.ts';
export * from './ids.ts';
export * from './manifest.ts';
export * from './messages-agent.ts';
export * from './messages-operator.ts';
export * from './phase.ts';
export * from './request.ts';
export * from './rollout.ts';
export * from './run-event.ts';
export * from './run-state.ts';
export * from './stream.ts';
export * from './version.ts';
