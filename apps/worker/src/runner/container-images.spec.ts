import { describe, expect, it } from '@jest/globals';
import { TRAINER_IDS } from '@influencerai/shared';
import { UPSTREAMS, type Upstream, type UpstreamId } from '@influencerai/trainers';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../version.js';
import type { ContainerEngine } from './container-engine.js';
import { containerPrograms } from './container-programs.js';

const TOP = fileURLToPath(new URL('../../../../', import.meta.url));
const dockerfile = (trainer: string): string => readFileSync(`${TOP}docker/trainers/${trainer}.Dockerfile`, 'utf8');
const upstreams = Object.entries(UPSTREAMS) as [UpstreamId, Upstream][];

describe.each(TRAINER_IDS)('the image of %s', (trainer) => {
  const text = dockerfile(trainer);

  it('should not start as root, nor with a shell, and pass signals on to every process', () => {
    expect(text).toContain('\nUSER 65534:65534\n');
    expect(text).toContain('\nENTRYPOINT ["/usr/bin/tini", "-g", "--"]\n');
  });

  it('should hold the program where the worker looks for it', async () => {
    const [start] = text.match(/^CMD \[.*\]$/m) ?? [];
    const command = JSON.parse(start!.slice('CMD '.length)) as string[];
    const engine = { image: () => Promise.resolve({ id: 'x', labels: {} }) } as unknown as ContainerEngine;
    const images = Object.fromEntries(TRAINER_IDS.map((id) => [id, id])) as Parameters<typeof containerPrograms>[1];
    const found = await containerPrograms(engine, images).find(trainer);
    expect(found?.slice(0, 2)).toEqual(command.slice(0, 2));
  });

  it('should take every file from where it is', () => {
    const copied = [...text.matchAll(/^COPY (packages\S+)/gm)].map(([, path]) => path!);
    expect(copied.filter((path) => !existsSync(TOP + path))).toEqual([]);
  });
});

describe.each(upstreams)('the pins of %s', (trainer, upstream) => {
  const text = dockerfile(trainer);

  it('should be those that the plans and the driver were written against', () => {
    if (upstream.kind === 'git') {
      const commits = [...text.matchAll(/^ARG COMMIT=(\S+)$/gm)].map(([, commit]) => commit);
      expect(commits).toEqual([upstream.commit, upstream.commit]);
      expect(text).toContain(upstream.url);
      expect(text).toContain('org.opencontainers.image.version=${COMMIT}');
    } else {
      expect(text).toContain(`org.opencontainers.image.version=${upstream.version}\n`);
    }
  });

  it('should lie below the drivers, each in a layer of its own, so that new drivers repeat nothing large', () => {
    const layers = [...text.matchAll(/^COPY --from=build (\S+)/gm)].map(([, path]) => path);
    expect(layers).toEqual(['/opt/trainer/venv', '/opt/trainer/source', '/opt/trainer/drivers']);
  });

  it('should hold compiled code that no builder makes stale by rounding the times of files', () => {
    expect(text).toMatch(/ UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=UNCHECKED_HASH\n/);
    expect(text).toMatch(/ -m compileall -q --invalidation-mode unchecked-hash drivers/);
  });

  it('should hold every package by its hash', () => {
    expect(text).toContain(`COPY packages/trainers/environments/${trainer}.txt ./requirements.txt`);
    expect(text).toContain('--require-hashes requirements.txt');
  });
});

describe('the version of tiny', () => {
  it('should be the one of this project', () => {
    expect(dockerfile('tiny')).toContain(`org.opencontainers.image.version=${VERSION}\n`);
  });
});
