import { describe, expect, it } from '@jest/globals';
import { parseEnv } from '../env.js';

describe('the settings of containers', () => {
  it('should not matter to a worker that starts processes', () => {
    expect(parseEnv({ DOCKER_MEMORY: '8g' }).container).toBeUndefined();
  });

  it('should name an image for every trainer', () => {
    const { images } = parseEnv({ LAUNCHER: 'docker', DOCKER_IMAGES: 'trl=a/b:1, kohya=c@sha256:00' }).container!;
    expect(images).toEqual({
      kohya: 'c@sha256:00',
      'ai-toolkit': 'influencerai-trainer-ai-toolkit',
      trl: 'a/b:1',
      tiny: 'influencerai-trainer-tiny',
      retrieval: 'influencerai-trainer-retrieval',
    });
  });

  it.each([
    ['LAUNCHER', 'podman'],
    ['DOCKER_IMAGES', 'kohya'],
    ['DOCKER_IMAGES', 'teacher=a'],
    ['DOCKER_IMAGES', 'kohya=--privileged'],
    ['DOCKER_USER', 'root'],
    ['DOCKER_NETWORK', '--privileged'],
    ['DOCKER_MEMORY', 'much'],
    ['DOCKER_PIDS', '1'],
    ['DOCKER_SHM_SIZE', '0'],
  ])('should refuse %s=%s', (name, value) => {
    expect(() => parseEnv({ [name]: value })).toThrow(name);
  });
});
