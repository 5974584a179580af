import { TASKS, type TaskName } from '@influencerai/shared';

/** Reads a message by the catalogue. @throws Error for an unknown task or a payload that does not fit */
export const parseTask = (name: string, data: unknown): { task: TaskName; payload: unknown } => {
  if (!Object.hasOwn(TASKS, name)) throw new Error(`Dropped a message of the unknown task "${name}".`);
  const task = name as TaskName;
  const parsed = TASKS[task].safeParse(data);
  if (!parsed.success) {
    throw new Error(`Dropped a message of "${task}" with a payload that does not fit.`, { cause: parsed.error });
  }
  return { task, payload: parsed.data };
};
