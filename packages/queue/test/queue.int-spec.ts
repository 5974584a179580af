import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import { emptyQueue, listen, openSender, type TaskListener, type TaskSender } from '../src/index.js';
import { createQueue } from '../src/bullmq.js';
import { BACKENDS, openStore, type KillableStore } from './stores.js';

jest.setTimeout(60_000);

describe.each(BACKENDS)('the queue on %s', (backend) => {
  let store: KillableStore;
  let sender: TaskSender;
  const listeners: TaskListener[] = [];

  beforeAll(async () => {
    store = await openStore(backend);
    sender = await openSender(store.connection);
  });
  afterEach(async () => {
    await Promise.all(listeners.splice(0).map((listener) => listener.close()));
  });
  afterAll(async () => {
    await sender.close();
    await store.remove();
  });

  const hear = async (queue: string) => {
    const heard: string[] = [];
    const errors: string[] = [];
    const listener = await listen({
      connection: store.connection,
      queue,
      onTask: (_task, payload) => {
        heard.push((payload as { jobId: string }).jobId);
        return Promise.resolve();
      },
      onError: (error) => errors.push(error.message),
      watchMs: 500,
    });
    listeners.push(listener);
    return { heard, errors, listener };
  };
  const ring = (queue: string, jobId: string) => sender.send(queue, 'train-lora', { jobId }, `id-${jobId}`);
  const until = (what: string, ask: () => boolean | Promise<boolean>) => waitUntil(ask, { timeoutMs: 20_000, what });

  /** The same id again and again: it counts once until the message it names has gone. */
  const ringUntil = (queue: string, isDone: () => boolean) =>
    until(`a message on ${queue}`, async () => {
      if (!isDone()) await ring(queue, 'a');
      return isDone();
    });

  it('should carry a message from the sender to a listener', async () => {
    const { heard } = await hear('carry');
    await ring('carry', 'a');
    await until('the message', () => heard.includes('a'));
    expect(await sender.depth('carry')).toBe(0);
  });

  it('should keep messages until somebody listens, each id once', async () => {
    for (const id of ['a', 'b', 'a']) await ring('keep', id);
    expect(await sender.depth('keep')).toBe(2);
    const { heard } = await hear('keep');
    await until('both messages', () => heard.length === 2);
    expect(heard.sort()).toEqual(['a', 'b']);
  });

  it('should take the same id again once it was delivered', async () => {
    const { heard } = await hear('again');
    for (const times of [1, 2, 3]) await ringUntil('again', () => heard.length >= times);
  });

  it('should refuse ids that BullMQ would misread', async () => {
    await expect(sender.send('ids', 'canary', { sentAt: 1 }, 'a:b')).rejects.toThrow('cannot be the id');
    await expect(sender.send('ids', 'canary', { sentAt: 1 }, '42')).rejects.toThrow('cannot be the id');
  });

  it('should drop what the catalogue does not know, say so, and go on', async () => {
    const { heard, errors } = await hear('drop');
    const raw = createQueue(store.connection, 'drop');
    raw.on('error', () => undefined);
    await raw.add('no-such-task', { jobId: 'x' }, {});
    await raw.add('train-lora', { jobId: 7 }, {});
    await raw.close();
    await ring('drop', 'good');
    await until('the good message', () => heard.includes('good'));
    const complaints = () => errors.filter((message) => message.startsWith('Dropped'));
    await until('two complaints', () => complaints().length === 2);
    expect(complaints().join(' ')).toMatch(/no-such-task/);
    expect(complaints().join(' ')).toMatch(/payload/);
    expect(heard).toEqual(['good']);
  });

  it('should report a handler that throws, and go on', async () => {
    const errors: string[] = [];
    const onTask = () => Promise.reject(new Error('handler broke'));
    listeners.push(
      await listen({ connection: store.connection, queue: 'throws', onTask, onError: (e) => errors.push(e.message) }),
    );
    const isReported = (times: number) => errors.filter((message) => message === 'handler broke').length >= times;
    await ringUntil('throws', () => isReported(1));
    await ringUntil('throws', () => isReported(2));
  });

  it('should leave messages alone while paused', async () => {
    const { heard, listener } = await hear('pause');
    await listener.pause();
    await ring('pause', 'a');
    const other = await hear('pause');
    await until('the other listener', () => other.heard.includes('a'));
    await listener.resume();
    await other.listener.close();
    await ring('pause', 'b');
    await until('the first listener', () => heard.includes('b'));
    expect(heard).toEqual(['b']);
  });

  it('should go on after its data is deleted', async () => {
    const { heard } = await hear('wiped');
    await ring('wiped', 'before');
    await until('the first message', () => heard.includes('before'));
    await emptyQueue(store.connection);
    await ring('wiped', 'after');
    await until('the next message', () => heard.includes('after'));
  });

  it('should go on after the store was killed with its data', async () => {
    const { heard } = await hear('killed');
    await ring('killed', 'before');
    await until('the first message', () => heard.includes('before'));

    await store.kill();
    const started = Date.now();
    await expect(ring('killed', 'lost')).rejects.toThrow();
    await expect(ring('killed', 'lost-too')).rejects.toThrow();
    expect(Date.now() - started).toBeLessThan(20_000);

    await store.startAgain();
    await emptyQueue(store.connection);
    await until('the sender', () =>
      ring('killed', 'after').then(
        () => true,
        () => false,
      ),
    );
    await until('the next message', () => heard.includes('after'));
    await ring('killed', 'again');
    await until('one more', () => heard.includes('again'));
  });
});
