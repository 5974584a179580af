import { describe, expect, it } from '@jest/globals';
import { findTrainer, implementedTrainers } from './registry.js';

const OF_HUB = implementedTrainers().filter((id) => findTrainer(id)!.usesHub);

const exit = (line: string) => ({ exitCode: 1, signal: null, tail: ['a', line, 'b'], events: [] });

describe.each(OF_HUB)('explainFailure of %s', (id) => {
  const { explainFailure } = findTrainer(id)!;

  it.each([
    'huggingface_hub.errors.GatedRepoError: 401 Client Error. (Request ID: Root=1-6739)',
    'Cannot access gated repo for url https://huggingface.co/black-forest-labs/FLUX.1-dev/resolve/main/ae.safetensors.',
    'OSError: You are trying to access a gated repo.',
    'requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: https://huggingface.co/meta-llama/Llama-3.2-1B',
    'huggingface_hub.errors.RepositoryNotFoundError: 401 Client Error. (Request ID: Root=1-6739)',
  ])('should name the token and the licence where the hub refuses a model: %s', (line) => {
    expect(explainFailure(exit(line))).toMatchObject({
      code: 'model_unavailable',
      error: expect.stringMatching(/licence.*HF_TOKEN/),
      hint: expect.stringContaining('HF_TOKEN'),
      isLack: true,
    });
  });

  it('should not take it for a lack of this host that a picture is broken', () => {
    expect(explainFailure(exit('PIL.UnidentifiedImageError: cannot identify image file')).isLack).toBeUndefined();
  });
});
