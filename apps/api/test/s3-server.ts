import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { connect, type S3Settings } from '../src/storage/s3-client.js';

const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test-secret' };
const CACHE = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
const FOLDERS = [join(CACHE, 'influencerai/ci-s3'), ...(process.env['PATH'] ?? '').split(delimiter)];

const PROGRAM = FOLDERS.map((folder) => join(folder, 'versitygw')).find((path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
});

/** Why there is no S3 server here, with what to do about it; undefined where there is one. */
export const WHY_NO_S3 = PROGRAM
  ? undefined
  : `no versitygw: GOBIN=${FOLDERS[0]} go install github.com/versity/versitygw/cmd/versitygw@v1.8.0`;

/** A real S3 server over a folder of its own. */
export class S3Server {
  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private process: ChildProcess,
    readonly settings: S3Settings,
  ) {}

  static async start(): Promise<S3Server> {
    const folder = await mkdtemp(join(tmpdir(), 'api-s3-'));
    await Promise.all(['data', 'meta'].map((name) => mkdir(join(folder, name))));
    const port = await freePort();
    const settings: S3Settings = {
      bucket: 'test',
      endpoint: `http://127.0.0.1:${port}`,
      publicEndpoint: undefined,
      region: 'us-east-1',
      credentials: CREDENTIALS,
      prefix: 'some/prefix',
      forcePathStyle: true,
      silenceMs: 30_000,
    };
    const server = new S3Server(folder, port, run(folder, port), settings);
    await server.ready();
    await connect(settings, settings.endpoint).send(new CreateBucketCommand({ Bucket: 'test' }));
    return server;
  }

  /** As environment variables of the API. */
  get env(): NodeJS.ProcessEnv {
    return {
      S3_BUCKET: this.settings.bucket,
      S3_ENDPOINT: this.settings.endpoint,
      S3_REGION: this.settings.region,
      S3_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      S3_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      S3_PREFIX: this.settings.prefix,
      S3_FORCE_PATH_STYLE: 'true',
    };
  }

  /** Where the objects lie: what a host sees that mounts the bucket. */
  get objectsFolder(): string {
    return join(this.folder, 'data', this.settings.bucket, this.settings.prefix);
  }

  /** The end of the process, without a chance to say so. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await exited(this.process);
  }

  /** It holds its connections and says nothing any more. */
  pause(): void {
    this.process.kill('SIGSTOP');
  }

  resume(): void {
    this.process.kill('SIGCONT');
  }

  async restart(): Promise<void> {
    this.process = run(this.folder, this.port);
    await this.ready();
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async ready(): Promise<void> {
    for (;;) {
      if (this.process.exitCode !== null) throw new Error('The S3 server ended at once.');
      const answer = await fetch(this.settings.endpoint!).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function run(folder: string, port: number): ChildProcess {
  const args = [
    '--port',
    `127.0.0.1:${port}`,
    '--quiet',
    'posix',
    '--sidecar',
    join(folder, 'meta'),
    join(folder, 'data'),
  ];
  const env = { ROOT_ACCESS_KEY: CREDENTIALS.accessKeyId, ROOT_SECRET_KEY: CREDENTIALS.secretAccessKey };
  return spawn(PROGRAM!, args, { env, stdio: 'ignore' });
}

async function exited(process: ChildProcess): Promise<void> {
  if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
