import type { TrainerEvent } from '@influencerai/shared';

/** Whether weights are for the tenant. Those inside a state are part of it, unless a name is given to them. */
export const isCheckpoint = ({ path, statePath, name }: Extract<TrainerEvent, { event: 'checkpoint' }>): boolean =>
  name !== undefined || statePath === undefined || !(path === statePath || path.startsWith(`${statePath}/`));

/** What an event says to a reader of the job's log; undefined for those that the progress shows better. */
export const describeEvent = (event: TrainerEvent): string | undefined => {
  switch (event.event) {
    case 'start':
      return `Training starts after step ${event.step} of ${event.totalSteps}, ${event.totalEpochs} epochs in all.`;
    case 'checkpoint':
      if (!isCheckpoint(event)) return undefined;
      return event.isFinal ? `The result: ${event.path}` : `Saved at step ${event.step}: ${event.path}`;
    case 'sample':
      return `Sample at step ${event.step}: ${event.path} (${event.prompt})`;
    case 'paused':
      return `Paused at step ${event.step}: the step budget is used up.`;
    case 'done':
      return `Done after step ${event.step}${event.loss === undefined ? '' : `, loss ${event.loss}`}.`;
    case 'aborted':
      return `Saved and stopped at step ${event.step}.`;
    case 'warning':
      return `Warning: ${event.message}`;
    case 'error':
      return `Error (${event.code}): ${event.message}`;
    case 'progress':
      return undefined;
  }
};
