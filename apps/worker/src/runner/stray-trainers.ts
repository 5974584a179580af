import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { endGroup, groupMembers, startOf } from './process-group.js';

const RECORD_FILE = 'trainer.json';

/** Environment variable by which the processes of a trainer are known again after its leader ended. */
export const WORKSPACE_MARK = 'INFLUENCERAI_WORKSPACE';

const RecordSchema = z.object({ pid: z.int().positive(), startedAt: z.string().optional() });
type TrainerRecord = z.infer<typeof RecordSchema>;

/** Notes which process runs in a workspace, for a worker that starts after this one crashed. */
export const recordTrainer = (workspaceDir: string, record: TrainerRecord): Promise<void> =>
  writeFile(join(workspaceDir, RECORD_FILE), JSON.stringify(record));

export const forgetTrainer = (workspaceDir: string): Promise<void> =>
  rm(join(workspaceDir, RECORD_FILE), { force: true });

/** Ends what still runs in a workspace of a worker that crashed; true when something did. */
export const endStray = async (workspaceDir: string, graceMs: number): Promise<boolean> => {
  const record = await readRecord(workspaceDir);
  if (!record) return false;
  const isOurs = await isStray(record, workspaceDir);
  if (isOurs) await endGroup(record.pid, graceMs);
  await forgetTrainer(workspaceDir);
  return isOurs;
};

/** True when the group is the one that was started here, and not a later one under the same number. */
const isStray = async ({ pid, startedAt }: TrainerRecord, workspaceDir: string): Promise<boolean> => {
  const leaderStart = await startOf(pid);
  if (leaderStart !== undefined) return leaderStart === startedAt && (await groupMembers(pid)).length > 0;
  const members = await groupMembers(pid);
  const marked = await Promise.all(members.map((member) => hasMark(member.pid, workspaceDir)));
  return marked.includes(true);
};

const hasMark = async (pid: number, workspaceDir: string): Promise<boolean> => {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    return environment.split('\0').includes(`${WORKSPACE_MARK}=${workspaceDir}`);
  } catch {
    // Ended meanwhile, another user's, or a system without /proc: not known to be ours, so it is left alone.
    return false;
  }
};

const readRecord = async (workspaceDir: string): Promise<TrainerRecord | undefined> => {
  try {
    return RecordSchema.parse(JSON.parse(await readFile(join(workspaceDir, RECORD_FILE), 'utf8')));
  } catch {
    // Absent, or cut off by the crash: then no process can be told to be ours.
    return undefined;
  }
};
