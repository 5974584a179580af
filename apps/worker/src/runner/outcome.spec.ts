import { describe, expect, it } from '@jest/globals';
import type { TrainingSpec } from '@influencerai/shared';
import { JobRecord } from './job-record.js';
import { failed } from './outcome.js';

describe('failed', () => {
  it('should say why in a text that the API can store', () => {
    const spec = { trainer: 'tiny', requestedTrainer: 'tiny' } as TrainingSpec;
    const record = new JobRecord({ checkpoints: [], samples: [], points: [] });
    const said = '\u001b[31mBroken\u001b[0m\0 \ud83c';
    const { result } = failed({ code: 'trainer_crashed', error: said, hint: said }, spec, record);
    expect([result?.['error'], result?.['hint']]).toEqual(['Broken \ufffd', 'Broken \ufffd']);
  });
});
