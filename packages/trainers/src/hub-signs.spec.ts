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
    "httpx.HTTPStatusError: Client error '401 Unauthorized' for url 'http://mirror:8080/api/models/meta-llama/Llama-3.2-1B'",
    'Cannot access content at: https://mirror.example.com/meta-llama/Llama-3.2-1B/resolve/main/config.json.',
  ])('should name the token and the licence where the hub refuses a model: %s', (line) => {
    expect(explainFailure(exit(line))).toMatchObject({
      code: 'model_unavailable',
      error: expect.stringMatching(/licence.*HF_TOKEN/),
      hint: expect.stringContaining('HF_TOKEN'),
      isLack: true,
    });
  });

  it.each(['401', '404'])('should fail a job whose model the hub does not have, which answers %s', (status) => {
    const tail = [
      `huggingface_hub.errors.RepositoryNotFoundError: ${status} Client Error. (Request ID: Root=1-6739)`,
      '',
      'Repository Not Found for url: https://huggingface.co/api/models/meta-llama/Lama-3.2-1B.',
      'If you are trying to access a private or gated repo, make sure you are authenticated.',
      "OSError: meta-llama/Lama-3.2-1B is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'",
    ];
    const failure = explainFailure({ ...exit(''), tail });
    expect(failure).toMatchObject({
      code: 'model_unavailable',
      error: expect.stringContaining('no model of this name'),
      hint: expect.stringMatching(/spelling.*HF_TOKEN/),
    });
    expect(failure.isLack).toBeUndefined();
  });

  it('should go by the last that the hub said, where it hides one model and refuses another', () => {
    const tail = [
      'Repository Not Found for url: https://huggingface.co/api/models/a/b.',
      'OSError: You are trying to access a gated repo.',
    ];
    expect(explainFailure({ ...exit(''), tail }).isLack).toBe(true);
    expect(explainFailure({ ...exit(''), tail: tail.toReversed() }).isLack).toBeUndefined();
  });

  it.each([
    'prompt: a sign that says 401 Client Error',
    'requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: https://pictures.example.com/cat.png',
  ])('should not take it for a lack of this host that something else is refused: %s', (line) => {
    expect(explainFailure(exit(line)).isLack).toBeUndefined();
  });

  it('should not take it for a lack of this host that a picture is broken', () => {
    expect(explainFailure(exit('PIL.UnidentifiedImageError: cannot identify image file')).isLack).toBeUndefined();
  });
});
