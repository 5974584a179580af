import type { DatasetProblem } from '@influencerai/shared';

const MAX_PROBLEMS = 100;

/** What is wrong with a dataset: the errors first, then the warnings, at most 100 of them and a word about the rest. */
export class Problems {
  private readonly kept: Record<DatasetProblem['severity'], DatasetProblem[]> = { error: [], warning: [] };
  private total = 0;

  error(file: string, reason: string): void {
    this.add({ file, severity: 'error', reason });
  }

  warning(file: string, reason: string): void {
    this.add({ file, severity: 'warning', reason });
  }

  add(problem: DatasetProblem): void {
    this.total += 1;
    const sameSeverity = this.kept[problem.severity];
    if (sameSeverity.length < MAX_PROBLEMS) sameSeverity.push(problem);
  }

  toList(): DatasetProblem[] {
    const shown = [...this.kept.error, ...this.kept.warning].slice(0, MAX_PROBLEMS);
    const left = this.total - shown.length;
    return left === 0 ? shown : [...shown, { file: '', severity: 'warning', reason: `… and ${left} more` }];
  }
}
