import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { explainExit } from '@influencerai/trainers';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { killWatcher, memoryKills, wordsOfKill } from './memory-kills.js';

const killed = { exitCode: null, signal: 'SIGKILL' };
const failed = { exitCode: 1, signal: null };

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'memory-kills-'));
});

afterEach(() => rm(root, { recursive: true, force: true }));

const put = async (path: string, content: string): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
};

const VMSTAT = 'nr_free_pages 1234\noom_kill 7\npgfault 9\n';
const EVENTS = 'low 0\nhigh 0\nmax 12\noom 2\noom_kill 2\noom_group_kill 1\n';

describe(memoryKills, () => {
  it("should count in the worker's own control group", async () => {
    await put('proc/self/cgroup', '0::/system.slice/worker.service\n');
    await put('sys/fs/cgroup/system.slice/worker.service/memory.events', EVENTS);
    await put('proc/vmstat', VMSTAT);
    expect(await memoryKills(root)()).toBe(2);
  });

  it.each([
    ['the group has no count', '0::/\n'],
    ['there are groups of the older kind only', '5:memory:/worker\n'],
  ])('should count on the whole host where %s', async (_, groups) => {
    await put('proc/self/cgroup', groups);
    await put('proc/vmstat', VMSTAT);
    expect(await memoryKills(root)()).toBe(7);
  });

  it('should know nothing on a system that does not count', async () => {
    expect(await memoryKills(root)()).toBeUndefined();
  });
});

describe(wordsOfKill, () => {
  it.each([
    ['the trainer itself', killed],
    ['one of its processes', failed],
  ])('should let the failure be explained as too little memory when the kernel ended %s', (_, exit) => {
    const tail = [wordsOfKill(exit, 2, 3)!];
    expect(explainExit({ ...exit, tail, events: [] })).toMatchObject({ code: 'trainer_out_of_memory' });
  });

  it.each([
    ['a kill that the kernel did not count', killed, 2, 2],
    ['a host that does not count', killed, undefined, undefined],
    ['another signal', { exitCode: null, signal: 'SIGSEGV' }, 2, 3],
    ['an exit of its own', failed, 2, 2],
    ['a trainer that came to its end', { exitCode: 0, signal: null }, 2, 3],
  ])('should say nothing of %s', (_, exit, before, after) => {
    expect(wordsOfKill(exit, before, after)).toBeUndefined();
  });
});

describe(killWatcher, () => {
  it('should tell of a kill to the trainer that ends by it, and to no other that fails later', async () => {
    let kills = 4;
    const watch = killWatcher(() => Promise.resolve(kills));
    const [long, short] = [await watch(), await watch()];
    kills += 1;
    expect(await short(failed)).toContain('Out of memory');
    expect(await long(failed)).toBeUndefined();
    kills += 1;
    expect(await long(failed)).toContain('Out of memory');
  });

  it('should tell of it to every trainer that was killed', async () => {
    let kills = 0;
    const watch = killWatcher(() => Promise.resolve(kills));
    const both = [await watch(), await watch()];
    kills = 2;
    expect(await Promise.all(both.map((of) => of(killed)))).not.toContain(undefined);
  });
});
