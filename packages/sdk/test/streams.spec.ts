import { describe, expect, it } from '@jest/globals';
import { AbortError, InternalServerError, NotFoundError, type JobStreamEvent } from '../src/index.js';
import { aJob } from './support/a-job.js';
import { sendEvents, sendJson, startServer } from './support/test-server.js';

const at = '2026-01-15T11:30:00.000Z';
const status = (id: number, to: string): string =>
  `id: ${id}\nevent: status\ndata: ${JSON.stringify({ type: 'status', from: null, to, reason: '', attempt: 1, at })}\n\n`;
const progress = (currentEpoch: number): string =>
  `event: progress\ndata: ${JSON.stringify({ type: 'progress', progress: { currentEpoch }, at })}\n\n`;
const AT_ONCE = 'retry: 1\n\n';

const collect = async (events: AsyncIterable<JobStreamEvent>): Promise<string[]> => {
  const seen: string[] = [];
  for await (const event of events) seen.push(`${event.id} ${event.type === 'status' ? event.to : event.type}`);
  return seen;
};

describe('jobs.events', () => {
  it('should yield events with their ids and end with the job', async () => {
    await using server = await startServer((_request, response) =>
      sendEvents(
        response,
        status(1, 'pending') + ': still here\n\n' + status(2, 'running') + progress(1) + status(3, 'completed'),
      ),
    );
    expect(await collect(server.client().jobs.events('j'))).toEqual([
      '1 pending',
      '2 running',
      '2 progress',
      '3 completed',
    ]);
    expect(server.received[0]).toMatchObject({ path: '/jobs/j/events', headers: { accept: 'text/event-stream' } });
  });

  it('should resume after the last whole event when the connection is cut within a line', async () => {
    await using server = await startServer(({ headers }, response) => {
      if (headers['last-event-id'] === '2') return sendEvents(response, status(3, 'completed'));
      sendEvents(response, AT_ONCE + status(1, 'pending') + status(2, 'running') + status(3, 'completed').slice(0, 40));
      setTimeout(() => response.destroy(), 20);
    });
    expect(await collect(server.client().jobs.events('j'))).toEqual(['1 pending', '2 running', '3 completed']);
    expect(server.received).toHaveLength(2);
  });

  it('should start after the event it is given', async () => {
    await using server = await startServer((_request, response) => sendEvents(response, status(8, 'failed')));
    await collect(server.client().jobs.events('j', { lastEventId: '7' }));
    expect(server.received[0]?.headers['last-event-id']).toBe('7');
  });

  it('should go on after outages', async () => {
    await using server = await startServer(({ index }, response) => {
      if (index === 0) return sendJson(response, 503, { message: 'Later.' }, { 'retry-after-ms': '1' });
      if (index === 1) return void response.writeHead(200).end(AT_ONCE + status(1, 'running'));
      if (index === 2) return void response.destroy();
      return sendEvents(response, status(2, 'completed'));
    });
    expect(await collect(server.client().jobs.events('j'))).toEqual(['1 running', '2 completed']);
    expect(server.received).toHaveLength(4);
  });

  it('should give up after as many failures in a row as it is told', async () => {
    await using server = await startServer((_request, response) =>
      sendJson(response, 500, { message: 'Broken.' }, { 'retry-after-ms': '1' }),
    );
    await expect(collect(server.client().jobs.events('j', { maxRetries: 2 }))).rejects.toThrow(InternalServerError);
    expect(server.received).toHaveLength(3);
  });

  it('should open a connection anew that has gone silent', async () => {
    await using server = await startServer(({ index }, response) =>
      sendEvents(response, index === 0 ? AT_ONCE + status(1, 'running') : status(2, 'completed')),
    );
    expect(await collect(server.client().jobs.events('j', { idleTimeoutMs: 50 }))).toEqual([
      '1 running',
      '2 completed',
    ]);
  });

  it('should end when the job was over before', async () => {
    await using server = await startServer(({ path }, response) =>
      path === '/jobs/j' ? aJob({ status: 'completed' }) : void response.writeHead(200).end(AT_ONCE),
    );
    expect(await collect(server.client().jobs.events('j', { lastEventId: '9' }))).toEqual([]);
  });

  it('should end when the server says that no more will come', async () => {
    await using server = await startServer((_request, response) => void response.writeHead(204).end());
    expect(await collect(server.client().jobs.events('j'))).toEqual([]);
  });

  it('should throw what stays', async () => {
    await using server = await startServer((_request, response) => sendJson(response, 404, { message: 'No.' }));
    await expect(collect(server.client().jobs.events('j'))).rejects.toThrow(NotFoundError);
  });

  it('should throw when it is aborted', async () => {
    await using server = await startServer((_request, response) => sendEvents(response, status(1, 'running')));
    await expect(collect(server.client().jobs.events('j', { signal: AbortSignal.timeout(50) }))).rejects.toThrow(
      AbortError,
    );
  });

  it('should close the connection when the loop is left', async () => {
    let onClosed = (): void => undefined;
    const closed = new Promise<void>((resolve) => (onClosed = resolve));
    await using server = await startServer((_request, response) => {
      response.on('close', onClosed);
      sendEvents(response, status(1, 'running'));
    });
    for await (const event of server.client().jobs.events('j')) if (event.id === '1') break;
    await closed;
  });
});

describe('workers.control', () => {
  it('should yield directives over reconnects, without a tenant, until it is aborted', async () => {
    const directive = (jobId: string) =>
      `event: directive\ndata: {"jobId":"${jobId}","attempt":1,"directive":"cancel"}\n\n`;
    await using server = await startServer(({ index }, response) => {
      sendEvents(response, `${AT_ONCE}event: ping\ndata: {}\n\n${directive(`job-${index}`)}`);
      if (index === 0) response.end();
    });
    const stop = new AbortController();
    const seen: string[] = [];
    const follow = async () => {
      const client = server.client({ tenantId: undefined });
      for await (const { jobId } of client.workers.control('w', { signal: stop.signal })) {
        seen.push(jobId);
        if (seen.length === 2) stop.abort();
      }
    };
    await expect(follow()).rejects.toThrow(AbortError);
    expect(seen).toEqual(['job-0', 'job-1']);
    expect(server.received[0]?.headers).not.toHaveProperty('x-tenant-id');
  });
});
