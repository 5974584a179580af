import { describe, expect, it } from '@jest/globals';
import { sendJson, startServer, type Handler } from './support/test-server.js';

const ids = (count: number) => Array.from({ length: count }, (_, index) => ({ id: `row-${index}` }));

/** Serves rows both ways: bare with a header below /datasets, in an envelope elsewhere. */
const serving =
  (rowsAt: (index: number) => { id: string }[]): Handler =>
  ({ path, query, index }, response) => {
    const [take, skip] = [Number(query['take'] ?? 20), Number(query['skip'] ?? 0)];
    const rows = rowsAt(index);
    const data = rows.slice(skip, skip + take);
    if (path !== '/datasets') return { data, total: rows.length, take, skip };
    return sendJson(response, 200, data, { 'x-total-count': String(rows.length) });
  };

const collect = async (rows: AsyncIterable<{ id: string }>): Promise<string[]> => {
  const seen: string[] = [];
  for await (const { id } of rows) seen.push(id);
  return seen;
};

describe('pagination', () => {
  it.each(['datasets', 'loraConfigs', 'jobs'] as const)('should page through %s', async (resource) => {
    await using server = await startServer(serving(() => ids(45)));
    const list = server.client()[resource];
    const page = await list.list({ take: 10, skip: 20 });
    expect(page).toMatchObject({ total: 45, take: 10, skip: 20, hasNextPage: true });
    expect(page.data.map(({ id }) => id)).toEqual(
      ids(30)
        .slice(20)
        .map(({ id }) => id),
    );
    expect(await page.getNextPage()).toMatchObject({ skip: 30, take: 10 });
  });

  it.each(['datasets', 'loraConfigs', 'jobs'] as const)('should iterate all %s', async (resource) => {
    await using server = await startServer(serving(() => ids(45)));
    const all = await collect(server.client()[resource].list());
    expect(all).toEqual(ids(45).map(({ id }) => id));
    expect(server.received).toHaveLength(3);
  });

  it('should keep the filters on every page', async () => {
    await using server = await startServer(serving(() => ids(3)));
    await collect(server.client().datasets.list({ take: 2, status: 'ready' }));
    expect(server.received.map(({ query }) => query)).toEqual([
      { take: '2', status: 'ready' },
      { take: '2', status: 'ready', skip: '2' },
    ]);
  });

  it('should yield rows once when new ones come in between', async () => {
    await using server = await startServer(serving((index) => (index === 0 ? ids(4) : [{ id: 'new' }, ...ids(4)])));
    expect(await collect(server.client().jobs.list({ take: 2 }))).toEqual(['row-0', 'row-1', 'row-2', 'row-3']);
  });

  it('should end at an empty page, whatever the total says', async () => {
    await using server = await startServer(() => ({ data: [], total: 9, take: 20, skip: 0 }));
    expect(await collect(server.client().jobs.list())).toEqual([]);
    const page = await server.client().jobs.list();
    expect(await page.getNextPage()).toBeUndefined();
  });

  it('should load no page that nobody reads', async () => {
    await using server = await startServer(serving(() => ids(45)));
    for await (const row of server.client().jobs.list()) if (row.id === 'row-3') break;
    expect(server.received).toHaveLength(1);
  });

  it('should reject when a page fails', async () => {
    await using server = await startServer((_request, response) => sendJson(response, 404, { message: 'No.' }));
    await expect(collect(server.client().jobs.list())).rejects.toThrow('No.');
    await expect(
      server
        .client()
        .jobs.list()
        .catch((error: Error) => error.message),
    ).resolves.toBe('No.');
  });
});
