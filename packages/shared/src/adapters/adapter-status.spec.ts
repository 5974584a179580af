import { describe, expect, it } from '@jest/globals';
import { ADAPTER_STATUSES, canAdapterBecome, isAdapterBusy } from './adapter-status.js';

describe('states of an adapter', () => {
  it('should let nothing be deleted that a runtime may be using', () => {
    const deletable = ADAPTER_STATUSES.filter((status) => canAdapterBecome(status, 'deleting'));
    expect(deletable).toEqual(['unloaded', 'loading', 'unloading', 'failed', 'deleting']);
    expect(canAdapterBecome('loaded', 'deleting')).toBe(false);
  });

  it('should let nothing come back from deletion', () => {
    expect(ADAPTER_STATUSES.filter((status) => canAdapterBecome('deleting', status))).toEqual(['deleting']);
  });

  it('should be taken over only where a process may have died over it', () => {
    expect(ADAPTER_STATUSES.filter((status) => canAdapterBecome(status, status))).toEqual(
      ADAPTER_STATUSES.filter(isAdapterBusy),
    );
  });
});
