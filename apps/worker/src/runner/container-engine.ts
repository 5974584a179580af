import { execa } from 'execa';
import { HostFault } from './launcher.js';

const ANSWER_MS = 60_000;
const PROBE_MS = 10_000;
/** Docker's words for it, and Podman's. */
const ENDED = ['exited', 'dead', 'stopped'];

/** How a container stands, or stood when it ended. */
export interface ContainerState {
  isRunning: boolean;
  exitCode: number;
  isOutOfMemory: boolean;
}

export interface EngineAddress {
  program: string;
  /** Undefined leaves it to the client's own settings. */
  host: string | undefined;
}

export type ContainerEngine = ReturnType<typeof containerEngine>;
export type Attachment = ReturnType<ContainerEngine['startAttached']>;

/** A container engine, spoken to through Docker's client: arguments as an array, no shell. */
export const containerEngine = ({ program, host }: EngineAddress) => {
  const env = host === undefined ? {} : { DOCKER_HOST: host };

  const ask = (args: readonly string[], timeout = ANSWER_MS) =>
    execa(program, args, { env, reject: false, stdin: 'ignore', timeout });

  /** Undefined where the engine answers that it cannot. */
  const tell = async (args: readonly string[]): Promise<string | undefined> => {
    const { failed, stdout } = await ask(args);
    if (!failed) return stdout.trim();
    await assertReachable();
    return undefined;
  };

  /** @throws HostFault when the engine does not answer */
  const assertReachable = async (): Promise<void> => {
    const answer = await ask(['version', '--format', '{{.Server.Version}}'], PROBE_MS);
    if (answer.failed) throw new HostFault(`The container engine does not answer: ${reasonOf(answer)}`);
  };

  return {
    assertReachable,

    /** Makes a container from the arguments of `docker create`; resolves to its id. */
    create: async (args: readonly string[]): Promise<string> => {
      const answer = await ask(['create', ...args]);
      if (!answer.failed) return answer.stdout.trim();
      await assertReachable();
      throw new Error(`The container could not be made: ${reasonOf(answer)}`);
    },

    /** Makes a container and waits for its end, which removes it; one that takes too long goes on. */
    run: (args: readonly string[], limitMs: number) => ask(['run', '--rm', ...args], limitMs),

    /** Starts a container with this process at its standard streams; they are attached before its program runs. */
    startAttached: (id: string) => {
      const child = execa(program, ['start', '--attach', '--interactive', id], {
        env,
        // A Ctrl-C in the worker's terminal is for the worker, which asks the trainer itself.
        detached: true,
        cleanup: false,
        reject: false,
        buffer: false,
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'pipe',
      });
      // A trainer that ended no longer reads; its exit is reported by the container.
      child.stdin.on('error', () => undefined);
      return child;
    },

    /** Undefined for a container that is not there. */
    state: async (id: string): Promise<ContainerState | undefined> => {
      const text = await tell(['container', 'inspect', '--format', '{{json .State}}', id]);
      if (text === undefined) return undefined;
      const { Running, ExitCode, OOMKilled } = JSON.parse(text) as Record<string, unknown>;
      return { isRunning: Running === true, exitCode: Number(ExitCode), isOutOfMemory: OOMKilled === true };
    },

    /** True when its program ran and is over, so that its exit code can still be asked for. */
    hasEnded: async (id: string): Promise<boolean> => {
      const status = await tell(['container', 'inspect', '--format', '{{.State.Status}}', id]);
      return status !== undefined && ENDED.includes(status);
    },

    /** False when nothing runs that could take the signal. */
    signal: async (id: string, signal: 'TERM' | 'KILL'): Promise<boolean> =>
      (await tell(['kill', '--signal', signal, id])) !== undefined,

    /** True when the container ended within the time. */
    endsWithin: async (id: string, limitMs: number): Promise<boolean> => !(await ask(['wait', id], limitMs)).failed,

    /** Ends it at once where it still runs. */
    remove: (id: string): Promise<unknown> => tell(['rm', '--force', '--volumes', id]),

    /** Ids of the containers with a label, running or not. */
    withLabel: async (label: string): Promise<string[]> => {
      const args = ['ps', '--all', '--no-trunc', '--filter', `label=${label}`, '--format', '{{.ID}}'];
      return ((await tell(args)) ?? '').split('\n').filter((id) => id !== '');
    },

    /** Id and labels of an image that is on this host; undefined for any other. */
    image: async (image: string): Promise<{ id: string; labels: Record<string, string> } | undefined> => {
      const text = await tell([
        'image',
        'inspect',
        '--format',
        '{"id":{{json .Id}},"labels":{{json .Config.Labels}}}',
        image,
      ]);
      if (text === undefined) return undefined;
      const { id, labels } = JSON.parse(text) as { id: string; labels: Record<string, string> | null };
      return { id, labels: labels ?? {} };
    },
  };
};

const reasonOf = (answer: { stderr: string; shortMessage?: string }): string =>
  answer.stderr.trim().split('\n').at(0) || (answer.shortMessage ?? 'no reason given');
