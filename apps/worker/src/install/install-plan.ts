import { z } from 'zod';

/** `installed.json`: what lies in a trainer's folder. Written last, so that nothing half-made is offered. */
export const InstalledSchema = z.object({
  name: z.string(),
  /** Commit of the source, or release. */
  version: z.string(),
  python: z.string(),
  torch: z.string(),
  /** sha256 of the locked requirements. */
  lockDigest: z.string(),
  installedAt: z.iso.datetime(),
  /** Files of the source that the copy it came from lacked. */
  missing: z.array(z.string()).default([]),
});
export type Installed = z.infer<typeof InstalledSchema>;

/** Undefined for what no installation of ours wrote. */
export const parseInstalled = (text: string): Installed | undefined => {
  try {
    return InstalledSchema.safeParse(JSON.parse(text)).data;
  } catch {
    // Cut short by a crash or a full disk: as good as not there.
    return undefined;
  }
};

export interface Wanted {
  version: string;
  lockDigest: string;
}

/** Whether what is there is what is wanted; a half-made or older installation is not. */
export const isUpToDate = (installed: Installed | undefined, wanted: Wanted): boolean =>
  installed?.version === wanted.version && installed.lockDigest === wanted.lockDigest;

/** What to do about a step that failed, from what it printed; undefined where nobody can tell. */
export const adviceFor = (output: string): string | undefined => ADVICE.find(([pattern]) => pattern.test(output))?.[1];

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /No space left on device|ENOSPC/i,
    'The disk is full: an environment takes up to 8 GB. Set TRAINERS_DIR to a larger disk.',
  ],
  [/ensurepip is not available/, 'Python lacks its venv module: install it (on Ubuntu "apt install python3-venv").'],
  [
    /No interpreter found|No Python .*found|python.*not found/i,
    'Python 3.11 is needed: install it, or let uv do so with "uv python install 3.11".',
  ],
  [
    /error sending request|dns error|Could not resolve host|Connection (refused|timed out)|unable to access|Network is unreachable/i,
    'The network is not reachable. Behind a mirror, set UV_DEFAULT_INDEX; name a local copy of the source with --source.',
  ],
  [/Hash mismatch/i, 'A package is not what was locked: check the package index in use.'],
  [
    /not our ref|couldn't find remote ref|reference is not a tree|unadvertised object/i,
    'The source does not hold the pinned commit: fetch it there, or leave --source out.',
  ],
];
