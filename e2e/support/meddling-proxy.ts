import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Download {
  name: string;
  range: string | undefined;
}

/** Stands between a worker and the API: sees downloads of datasets, breaks and delays them, and changes what the API says. */
export class MeddlingProxy implements AsyncDisposable {
  readonly downloads: Download[] = [];
  /** The next download of a larger file breaks after so many bytes. */
  cutAfterBytes: number | undefined;
  /** How many of the next downloads are answered 503. */
  refusals = 0;
  /** Changes the names of files in the API's list. */
  rename: ((name: string) => string) | undefined;
  private held: { name: string; afterBytes: number; goOn: PromiseWithResolvers<void>; isReached: boolean } | undefined;
  private readonly server: Server;

  private constructor(private readonly target: string) {
    this.server = createServer((incoming, response) => this.forward(incoming, response));
  }

  static async start(target: string): Promise<MeddlingProxy> {
    const proxy = new MeddlingProxy(target);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The names that were asked for since the last call. */
  take(): string[] {
    return this.downloads.splice(0).map(({ name }) => name);
  }

  /** Downloads of this file stop after so many bytes until `goOn` is called. */
  hold(name: string, afterBytes: number): void {
    this.held = { name, afterBytes, goOn: Promise.withResolvers(), isReached: false };
  }

  /** Whether a download waits for `goOn`. */
  get isHolding(): boolean {
    return this.held?.isReached ?? false;
  }

  goOn(): void {
    this.held?.goOn.resolve();
    this.held = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.goOn();
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private forward(incoming: IncomingMessage, response: ServerResponse): void {
    const url = new URL(incoming.url ?? '/', this.target);
    const name = url.pathname.endsWith('/dataset/files') ? url.searchParams.get('name') : null;
    if (name !== null) this.downloads.push({ name, range: incoming.headers.range });
    if (name !== null && this.refusals-- > 0) return void response.writeHead(503).end();
    const outgoing = request(url, { method: incoming.method, headers: incoming.headers }, (answer) => {
      if (url.pathname.endsWith('/dataset') && this.rename) return void this.sendRenamed(answer, response);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      const length = Number(answer.headers['content-length']);
      if (name !== null && this.cutAfterBytes !== undefined && length > this.cutAfterBytes)
        return this.cut(answer, response);
      if (name !== null && name === this.held?.name) return this.delay(answer, response);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  private cut(answer: IncomingMessage, response: ServerResponse): void {
    const bytes = this.cutAfterBytes!;
    this.cutAfterBytes = undefined;
    answer.once('data', (chunk: Buffer) => response.write(chunk.subarray(0, bytes), () => response.destroy()));
  }

  private delay(answer: IncomingMessage, response: ServerResponse): void {
    const held = this.held!;
    answer.once('data', (chunk: Buffer) => {
      answer.pause();
      response.write(chunk.subarray(0, held.afterBytes));
      held.isReached = true;
      void held.goOn.promise.then(() => {
        response.write(chunk.subarray(held.afterBytes));
        answer.pipe(response);
      });
    });
  }

  private async sendRenamed(answer: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as { data: { name: string }[] };
    const data = body.data.map((file) => ({ ...file, name: this.rename!(file.name) }));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...body, data }));
  }
}
