import { describe, expect, it } from '@jest/globals';
import { parseEnv } from '../env.js';
import { createArguments, environmentFile, type CreateInput } from './container-arguments.js';
import type { LaunchRequest } from './launcher.js';

const request: LaunchRequest = {
  file: '/opt/trainer/venv/bin/python',
  args: ['/opt/trainer/drivers', 'kohya', '--config', 'driver.json'],
  env: { LANG: 'C.UTF-8' },
  workspaceDir: '/srv/worker/jobs/j1/attempt-2',
  reads: [],
  job: { jobId: 'j1', attempt: 2, trainer: 'kohya' },
  gpus: [],
};

const settings = (variables: Record<string, string> = {}) =>
  parseEnv({ LAUNCHER: 'docker', DOCKER_USER: '1000:1001', ...variables }).container!;

const anInput = (overrides: Partial<CreateInput> = {}): CreateInput => ({
  request,
  settings: settings(),
  mounts: [
    { path: '/srv/worker/jobs/j1/attempt-2', isWritable: true },
    { path: '/srv/data/cats', isWritable: false },
  ],
  workerId: 'w1',
  envFile: '/tmp/e/env',
  ...overrides,
});

/** The values of an option, in their order. */
const valuesOf = (args: string[], option: string): string[] =>
  args.flatMap((arg, index) => (args[index - 1] === option ? [arg] : []));

describe('createArguments', () => {
  it('should confine the trainer, in a container that is named after its job [000:container-name]', () => {
    expect(createArguments(anInput())).toEqual([
      ...['--interactive', '--name', 'training-j1', '--pull', 'never'],
      ...['--label', 'influencerai.worker=w1', '--label', 'influencerai.job=j1', '--label', 'influencerai.attempt=2'],
      ...['--label', 'influencerai.trainer=kohya'],
      ...['--label', 'influencerai.workspace=/srv/worker/jobs/j1/attempt-2'],
      ...['--user', '1000:1001', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
      ...['--read-only', '--tmpfs', '/tmp', '--network', 'none', '--pids-limit', '4096', '--shm-size', '1g'],
      ...['--log-driver', 'none', '--env-file', '/tmp/e/env', '--workdir', '/srv/worker/jobs/j1/attempt-2'],
      ...['--mount', 'type=bind,source=/srv/worker/jobs/j1/attempt-2,target=/srv/worker/jobs/j1/attempt-2'],
      ...['--mount', 'type=bind,source=/srv/data/cats,target=/srv/data/cats,readonly'],
      'influencerai-trainer-kohya',
      ...['/opt/trainer/venv/bin/python', '/opt/trainer/drivers', 'kohya', '--config', 'driver.json'],
    ]);
  });

  it('should give it the GPU of its slot and no other', () => {
    expect(valuesOf(createArguments(anInput({ request: { ...request, gpus: [3] } })), '--gpus')).toEqual(['device=3']);
    expect(valuesOf(createArguments(anInput({ request: { ...request, gpus: [0, 3] } })), '--gpus')).toEqual([
      '"device=0,3"',
    ]);
    expect(createArguments(anInput())).not.toContain('--gpus');
  });

  it('should take the limits, the network and the image that the operator set', () => {
    const args = createArguments(
      anInput({
        settings: settings({
          DOCKER_MEMORY: '24g',
          DOCKER_PIDS: '500',
          DOCKER_SHM_SIZE: '8g',
          DOCKER_NETWORK: 'bridge',
          DOCKER_IMAGES: 'kohya=registry.example:5000/kohya@sha256:0123abcd',
        }),
      }),
    );
    expect(valuesOf(args, '--memory')).toEqual(['24g']);
    expect(valuesOf(args, '--memory-swap')).toEqual(['24g']);
    expect(valuesOf(args, '--pids-limit')).toEqual(['500']);
    expect(valuesOf(args, '--shm-size')).toEqual(['8g']);
    expect(valuesOf(args, '--network')).toEqual(['bridge']);
    expect(args[args.indexOf('/opt/trainer/venv/bin/python') - 1]).toBe('registry.example:5000/kohya@sha256:0123abcd');
  });

  it('should leave what a job says behind the image, where nothing is an option of Docker', () => {
    const args = createArguments(anInput({ request: { ...request, args: ['--privileged', '--volume=/:/host'] } }));
    const image = args.indexOf('influencerai-trainer-kohya');
    expect(args.slice(image + 2)).toEqual(['--privileged', '--volume=/:/host']);
    expect(args.slice(0, image)).not.toContain('--privileged');
  });
});

describe('environmentFile', () => {
  it('should hold the values as they are, without the programs of the host', () => {
    const env = { PATH: '/usr/bin', TOKEN: 'a=b # "c" $d', EMPTY: '' };
    expect(environmentFile({ ...request, env })).toBe('TOKEN=a=b # "c" $d\nEMPTY=\nUSER=trainer\n');
  });

  it("should count GPUs as the container does, not by the host's numbers", () => {
    const env = { CUDA_VISIBLE_DEVICES: '3' };
    expect(environmentFile({ ...request, gpus: [3], env })).toBe('CUDA_VISIBLE_DEVICES=0\nUSER=trainer\n');
  });

  it('should refuse a value that would begin another variable', () => {
    expect(() => environmentFile({ ...request, env: { A: 'x\nLD_PRELOAD=/evil.so' } })).toThrow(/variable A/);
  });
});
