import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { explainExit } from '@influencerai/trainers';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { killWatcher, memoryKills, wordsOfKill, type Kills } from './memory-kills.js';

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

const own = (count: number): Kills => ({ count, isOwn: true });
const ofHost = (count: number): Kills => ({ count, isOwn: false });

const VMSTAT = 'nr_free_pages 1234\noom_kill 7\npgfault 9\n';
const EVENTS = 'low 0\nhigh 0\nmax 12\noom 2\noom_kill 2\noom_group_kill 1\n';

describe(memoryKills, () => {
  it("should count in the worker's own control group", async () => {
    await put('proc/self/cgroup', '0::/system.slice/worker.service\n');
    await put('sys/fs/cgroup/system.slice/worker.service/memory.events', EVENTS);
    await put('proc/vmstat', VMSTAT);
    expect(await memoryKills(root)()).toEqual({ count: 2, isOwn: true });
  });

  it.each([
    ['the group has no count', '0::/\n'],
    ['there are groups of the older kind only', '5:memory:/worker\n'],
  ])('should count on the whole host where %s', async (_, groups) => {
    await put('proc/self/cgroup', groups);
    await put('proc/vmstat', VMSTAT);
    expect(await memoryKills(root)()).toEqual({ count: 7, isOwn: false });
  });

  it('should know nothing on a system that does not count', async () => {
    expect(await memoryKills(root)()).toBeUndefined();
  });
});

describe(wordsOfKill, () => {
  it.each([
    ['the trainer itself', killed, own],
    ['the trainer itself, by the count of the host', killed, ofHost],
    ['one of its processes', failed, own],
  ])('should let the failure be explained as too little memory when the kernel ended %s', (_, exit, kills) => {
    const tail = [wordsOfKill(exit, kills(2), kills(3))!];
    expect(explainExit({ ...exit, tail, events: [] })).toMatchObject({ code: 'trainer_out_of_memory' });
  });

  it.each([
    ['a kill that the kernel did not count', killed, own(2), own(2)],
    ['a host that does not count', killed, undefined, undefined],
    ['another signal', { exitCode: null, signal: 'SIGSEGV' }, own(2), own(3)],
    ['an exit of its own', failed, own(2), own(2)],
    ['an exit of its own while the host ended something else', failed, ofHost(2), ofHost(3)],
    ['a trainer that came to its end', { exitCode: 0, signal: null }, own(2), own(3)],
  ])('should say nothing of %s', (_, exit, before, after) => {
    expect(wordsOfKill(exit, before, after)).toBeUndefined();
  });
});

describe(killWatcher, () => {
  it('should tell of a kill to the trainer that ends by it, and to no other that fails later', async () => {
    let kills = 4;
    const watch = killWatcher(() => Promise.resolve(own(kills)));
    const [long, short] = [await watch(), await watch()];
    kills += 1;
    expect(await short(failed)).toContain('Out of memory');
    expect(await long(failed)).toBeUndefined();
    kills += 1;
    expect(await long(failed)).toContain('Out of memory');
  });

  it('should tell of it to every trainer that was killed', async () => {
    let kills = 0;
    const watch = killWatcher(() => Promise.resolve(own(kills)));
    const both = [await watch(), await watch()];
    kills = 2;
    expect(await Promise.all(both.map((of) => of(killed)))).not.toContain(undefined);
  });
});
