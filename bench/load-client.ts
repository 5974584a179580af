import autocannon from 'autocannon';

/** What to send, as JSON in the first argument; the answers per second go to standard output. */
export interface Load {
  url: string;
  seconds: number;
  connections: number;
  method: 'GET' | 'PATCH';
  headers: Record<string, string>;
  paths: string[];
  body?: string;
}

// A process of its own, so that the client costs both sides the same.
const { url, seconds, connections, method, headers, paths, body } = JSON.parse(process.argv[2] ?? '') as Load;
const result = await autocannon({
  url,
  connections,
  duration: seconds,
  requests: paths.map((path) => ({ method, path, headers, body })),
});
const failed = result.errors + result.non2xx;
if (failed > 0) throw new Error(`${failed} of ${result.requests.total} requests failed.`);
process.stdout.write(String(result.requests.average));
