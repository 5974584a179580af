import { describe, expect, it } from '@jest/globals';
import { waitFor } from './wait-for.js';

describe(waitFor.name, () => {
  const FAR = 8.64e15;

  const aClock = () => {
    let seen = 0;
    return () => Promise.resolve((seen += 1));
  };

  it('should look until it sees what it waits for', async () => {
    expect(await waitFor(aClock(), (seen) => seen === 3, { deadline: FAR })).toBe(3);
  });

  it('should look once where there is no time', async () => {
    expect(await waitFor(aClock(), () => false, { deadline: 0 })).toBe(1);
  });

  it('should look once for somebody who has gone', async () => {
    expect(await waitFor(aClock(), () => false, { deadline: FAR, signal: AbortSignal.abort() })).toBe(1);
  });

  it('should look a last time when somebody goes meanwhile', async () => {
    const gone = new AbortController();
    const look = aClock();
    const leaving = async () => {
      setImmediate(() => gone.abort());
      return look();
    };
    expect(await waitFor(leaving, () => false, { deadline: FAR, signal: gone.signal })).toBe(2);
  });

  it('should fail where a look fails', async () => {
    const look = () => Promise.reject(new Error('no database'));
    await expect(waitFor(look, () => true, { deadline: FAR })).rejects.toThrow('no database');
  });
});
