import { describe, expect, it } from '@jest/globals';
import { Problems } from './problems.js';

describe(Problems.name, () => {
  it('should put errors first', () => {
    const problems = new Problems();
    problems.warning('a', 'odd');
    problems.error('b', 'bad');
    expect(problems.toList().map(({ file }) => file)).toEqual(['b', 'a']);
  });

  it('should show a hundred, errors before warnings, and count the rest', () => {
    const problems = new Problems();
    for (let i = 0; i < 150; i += 1) problems.warning(`w${i}`, 'odd');
    for (let i = 0; i < 60; i += 1) problems.error(`e${i}`, 'bad');
    const list = problems.toList();
    expect(list).toHaveLength(101);
    expect(list.filter(({ severity }) => severity === 'error')).toHaveLength(60);
    expect(list.at(-1)).toEqual({ file: '', severity: 'warning', reason: '… and 110 more' });
  });

  it('should say nothing more when all are shown', () => {
    const problems = new Problems();
    for (let i = 0; i < 100; i += 1) problems.error(`e${i}`, 'bad');
    expect(problems.toList()).toHaveLength(100);
  });
});
