import { TRAINER_IDS, TrainerIdSchema, type TrainerId } from '@influencerai/shared';
import { z } from 'zod';

/** An image reference; one that begins with a dash would be an option. */
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/;
const SIZE = /^[1-9]\d*[kmg]?$/;
/** The user `nobody`, for a worker that runs as root. */
const NOBODY = '65534:65534';

const size = z.string().regex(SIZE, 'must be a number with k, m or g behind it');

const images = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim().split('='))
      .filter(([trainer]) => trainer !== ''),
  )
  .pipe(
    z.array(z.tuple([TrainerIdSchema, z.string().regex(IMAGE, 'is no name of an image')], 'must be <trainer>=<image>')),
  )
  .transform((pairs): Partial<Record<TrainerId, string>> => Object.fromEntries(pairs));

/** Settings of the worker that only matter with `LAUNCHER=docker`. */
export const containerFields = {
  LAUNCHER: z
    .enum(['process', 'docker'])
    .default('process')
    .describe('`process` starts trainers on this host, `docker` in containers: see docs/containers.md.'),
  DOCKER_PROGRAM: z.string().default('docker').describe('Client of the container engine.'),
  DOCKER_HOST: z.string().optional().describe("Address of the container engine. Default: the client's own."),
  DOCKER_IMAGES: images
    .optional()
    .describe('Images as <trainer>=<image>, with commas between. Default of each: influencerai-trainer-<trainer>.'),
  DOCKER_USER: z
    .string()
    .regex(/^\d+:\d+$/, 'must be <uid>:<gid>')
    .optional()
    .describe(
      `Who trainers are in their containers. Default: the worker's own numbers, or ${NOBODY} for a root worker.`,
    ),
  DOCKER_NETWORK: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]*$/, 'is no name of a network')
    .default('none')
    .describe('Network of the containers; `bridge` lets trainers download.'),
  DOCKER_MEMORY: size.optional().describe('Most memory of one container, as 32g. Default: no limit.'),
  DOCKER_PIDS: z.coerce
    .number()
    .int()
    .min(16)
    .max(4_000_000)
    .default(4096)
    .describe('Most processes and threads of one container.'),
  DOCKER_SHM_SIZE: size.default('1g').describe('Shared memory of one container; data loaders hand batches over in it.'),
};

type ContainerFields = z.infer<z.ZodObject<typeof containerFields>>;

export interface ContainerSettings {
  program: string;
  host: string | undefined;
  images: Record<TrainerId, string>;
  /** `<uid>:<gid>` */
  user: string;
  network: string;
  memory: string | undefined;
  pids: number;
  shmSize: string;
}

export const toContainerSettings = (env: ContainerFields): ContainerSettings => ({
  program: env.DOCKER_PROGRAM,
  host: env.DOCKER_HOST,
  images: { ...defaultImages(), ...env.DOCKER_IMAGES },
  user: env.DOCKER_USER ?? ownUser(),
  network: env.DOCKER_NETWORK,
  memory: env.DOCKER_MEMORY,
  pids: env.DOCKER_PIDS,
  shmSize: env.DOCKER_SHM_SIZE,
});

const defaultImages = (): Record<TrainerId, string> =>
  Object.fromEntries(TRAINER_IDS.map((id) => [id, `influencerai-trainer-${id}`])) as Record<TrainerId, string>;

/** What a trainer writes then belongs to the worker; root stays outside. */
const ownUser = (): string => {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return uid === 0 ? NOBODY : `${uid}:${gid}`;
};
