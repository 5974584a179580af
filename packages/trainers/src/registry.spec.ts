import { describe, expect, it } from '@jest/globals';
import type { TrainerId } from '@influencerai/shared';
import { findTrainer, implementedTrainers } from './registry.js';

describe('findTrainer', () => {
  it('should find each implemented trainer under its own id', () => {
    for (const id of implementedTrainers()) expect(findTrainer(id)?.id).toBe(id);
  });

  it('should find nothing for a trainer known by name only', () => {
    expect(findTrainer('musubi' as TrainerId)).toBeUndefined();
  });
});
