import { TINY_PROGRAM } from '@influencerai/tiny';
import { execa, type ResultPromise } from 'execa';
import { access, chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fixture } from './host.js';
import { until } from './until.js';

const INIT = '/usr/bin/tini-static';
const TINY_DIR = dirname(dirname(TINY_PROGRAM));
export const TINY_IMAGE = 'influencerai-trainer-tiny:test';
/** With the fixture `good-trainer` in tiny's place. */
export const FAKE_IMAGE = 'influencerai-trainer-fake:test';

/** With a program in place of TRL's Python that answers whether it starts, and not where `NCCL_DEBUG` is WARN. */
export const TRL_IMAGE = 'influencerai-trainer-trl:test';

const TRL_PYTHON = `#!/usr/local/bin/node
const problem = 'ImportError of ' + process.argv.slice(2).join(' ') + ' as ' + process.getuid();
console.log(JSON.stringify({ canStart: process.env.NCCL_DEBUG !== 'WARN', torch: '2.9.1', problem }));
`;

const NEEDED = ['podman', 'runc', 'docker'];

/** Runs containers as they are everywhere: no default limits that a container host of its own cannot set. */
const CONFIGURATION = `[containers]
default_ulimits = []
[engine]
runtime = "runc"
lock_type = "file"
`;

/** Why there can be no containers on this machine, with what to do about it; undefined where there can. */
export const whyNoContainers = async (): Promise<string | undefined> => {
  const found = await Promise.all(NEEDED.map((program) => execa(program, ['--version'], { reject: false })));
  const missing = NEEDED.filter((_, index) => found[index]?.failed);
  if (!(await isThere(INIT))) missing.push('tini');
  if (missing.length > 0) return `${missing.join(', ')} missing: apt-get install podman runc docker.io tini`;
  return process.getuid?.() === 0 ? undefined : 'only root can start a container engine';
};

/** A container engine of the tests' own, with an image of the tiny trainer. */
export class Podman {
  private constructor(
    private readonly dir: string,
    private readonly podman: RunPodman,
    private readonly service: ResultPromise,
  ) {}

  static async start(): Promise<Podman> {
    const dir = await mkdtemp(join(tmpdir(), 'worker-podman-'));
    await writeFile(join(dir, 'containers.conf'), CONFIGURATION);
    const podman = await workingPodman(dir);
    await importImage({ dir, podman, image: TINY_IMAGE, make: makeTiny });
    await importImage({ dir, podman, image: FAKE_IMAGE, make: makeFake });
    await importImage({ dir, podman, image: TRL_IMAGE, make: makeTrl });
    const service = podman(['system', 'service', '--time=0', `unix://${join(dir, 'podman.sock')}`]);
    const engine = new Podman(dir, podman, service);
    await until('the container engine', () => isThere(join(dir, 'podman.sock')));
    return engine;
  }

  /** Address, as Docker's client takes it. */
  get host(): string {
    return `unix://${join(this.dir, 'podman.sock')}`;
  }

  async docker(...args: string[]): Promise<string> {
    return (await execa('docker', args, { env: { DOCKER_HOST: this.host } })).stdout;
  }

  async names(): Promise<string[]> {
    return (await this.docker('ps', '--all', '--format', '{{.Names}}')).split('\n').filter((name) => name !== '');
  }

  async stop(): Promise<void> {
    await this.podman(['rm', '--all', '--force', '--time', '0']);
    this.service.kill('SIGTERM');
    await this.service.catch(() => undefined);
    await rm(this.dir, { recursive: true, force: true });
  }
}

type RunPodman = (args: string[]) => ResultPromise;

const podmanIn =
  (dir: string, storage: string): RunPodman =>
  (args) => {
    const folders = ['root', 'runroot', 'tmpdir'].map((name) => `--${name}=${join(dir, storage, name)}`);
    const env = { CONTAINERS_CONF: join(dir, 'containers.conf') };
    // Its monitor leaves a file called oom where podman was started when a container runs out of memory.
    return execa('podman', [`--storage-driver=${storage}`, ...folders, ...args], { cwd: dir, env, stdout: 'ignore' });
  };

/** Overlays need no copy of the image for each container, but cannot lie on one another. */
const workingPodman = async (dir: string): Promise<RunPodman> => {
  const overlay = podmanIn(dir, 'overlay');
  return overlay(['info']).then(
    () => overlay,
    () => podmanIn(dir, 'vfs'),
  );
};

/** What docker/trainers/tiny.Dockerfile makes, from the files of this machine: no registry is asked. */
const makeTiny = async (root: string): Promise<void> => {
  await makeBase(root);
  await copyPackage(TINY_DIR, join(root, 'opt/trainer'), join(root, 'opt/trainer/node_modules'));
  await copyLibraries(await nativeFilesIn(join(root, 'opt/trainer')), root);
};

/** The same with another program in tiny's place. */
const makeFake = async (root: string): Promise<void> => {
  await makeBase(root);
  await copyInto(fixture('good-trainer'), join(root, 'opt/trainer/dist/main.js'));
  await writeFile(join(root, 'opt/trainer/package.json'), '{ "type": "module" }');
};

const makeTrl = async (root: string): Promise<void> => {
  await makeBase(root);
  const bin = join(root, 'opt/trainer/venv/bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'python'), TRL_PYTHON, { mode: 0o755 });
};

const makeBase = async (root: string): Promise<void> => {
  const node = join(root, 'usr/local/bin/node');
  await copyInto(process.execPath, node);
  await copyInto(INIT, join(root, 'usr/bin/tini'));
  await copyLibraries([node], root);
  await mkdir(join(root, 'tmp'));
  await chmod(join(root, 'tmp'), 0o1777);
};

const importImage = async (input: {
  dir: string;
  podman: RunPodman;
  image: string;
  make: (root: string) => Promise<void>;
}): Promise<void> => {
  const { dir, podman, image, make } = input;
  const [root, archive] = [join(dir, 'image'), join(dir, 'image.tar')];
  await make(root);
  const changes = ['ENTRYPOINT ["/usr/bin/tini", "-g", "--"]', 'ENV PATH=/usr/local/bin:/usr/bin:/bin'];
  await execa('tar', ['--create', '--file', archive, '--directory', root, '.']);
  await podman(['import', ...changes.flatMap((change) => ['--change', change]), archive, image]);
  await Promise.all([rm(root, { recursive: true }), rm(archive)]);
};

/** The shared libraries that these files are linked to. */
const copyLibraries = async (files: string[], root: string): Promise<void> => {
  const { stdout } = await execa('ldd', files);
  const libraries = [...stdout.matchAll(/(?:=>|^)\s*(\/\S+) \(/gm)].map(([, library]) => library!);
  for (const library of new Set(libraries)) {
    if (!files.some((file) => dirname(file) === dirname(library))) await copyInto(library, join(root, library));
  }
};

const nativeFilesIn = async (dir: string): Promise<string[]> => {
  const files = await readdir(dir, { recursive: true });
  return files.filter((file) => /\.node$|\.so(\.|$)/.test(file)).map((file) => join(dir, file));
};

/** A package and, flat beside each other, the packages that it needs at run time. */
const copyPackage = async (source: string, target: string, modules: string): Promise<void> => {
  if (await isThere(target)) return;
  await cp(source, target, { recursive: true, dereference: true, filter: (path) => isShipped(path, source) });
  const { dependencies, optionalDependencies } = await readManifest(source);
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const found = await findPackage(name, source);
    if (found) await copyPackage(found, join(modules, name), modules);
  }
};

const isShipped = (path: string, source: string): boolean =>
  !/^\/(node_modules|src|test)(\/|$)/.test(path.slice(source.length));

interface Manifest {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const readManifest = async (dir: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(dir, 'package.json'), 'utf8')) as Manifest;

/** Undefined for an optional package that this machine does without. */
const findPackage = async (name: string, from: string): Promise<string | undefined> => {
  for (let dir = from; dir !== dirname(dir); dir = dirname(dir)) {
    const candidate = join(dir, 'node_modules', name);
    if (await isThere(candidate)) return realpath(candidate);
  }
  return undefined;
};

const copyInto = async (file: string, target: string): Promise<void> => {
  await mkdir(dirname(target), { recursive: true });
  await cp(file, target, { dereference: true });
};

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
