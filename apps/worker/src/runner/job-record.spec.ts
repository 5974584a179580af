import { describe, expect, it } from '@jest/globals';
import { artifactName } from './artifact-uploader.js';
import { describeEvent } from './describe-event.js';
import { JobRecord } from './job-record.js';
import { lossCurveSvg } from './loss-curve.js';
import { joinPoints } from './resume.js';

const point = (step: number, loss = 1) => ({ step, epoch: 1, loss, learningRate: null });
const steps = (points: readonly { step: number }[]) => points.map(({ step }) => step);

describe(JobRecord.name, () => {
  it('should measure again what was measured beyond the state that it goes on from', () => {
    const record = new JobRecord({ checkpoints: [], samples: [], points: [1, 2, 3, 4].map((step) => point(step)) });
    record.addPoint(point(3, 0.5));
    expect(record.points.map(({ step, loss }) => [step, loss])).toEqual([
      [1, 1],
      [2, 1],
      [3, 0.5],
    ]);
  });

  it('should thin a long curve and keep its ends', () => {
    const record = new JobRecord({ checkpoints: [], samples: [], points: [] });
    for (let step = 1; step <= 20_000; step += 1) record.addPoint(point(step));
    expect(record.points.length).toBeLessThanOrEqual(5000);
    expect(record.points[0]?.step).toBe(1);
    expect(record.points.at(-1)?.step).toBe(20_000);
  });

  it('should remember the newest state and what matters for a failure', () => {
    const record = new JobRecord({ checkpoints: ['a'], samples: [], points: [] });
    record.take({ event: 'checkpoint', step: 5, epoch: 1, path: 'p', statePath: 's5', isFinal: false });
    record.take({ event: 'checkpoint', step: 9, epoch: 1, path: 'p', isFinal: false });
    record.take({ event: 'warning', message: 'w' });
    record.addCheckpoint('a');
    expect(record).toMatchObject({ state: { step: 5, path: 's5' }, step: 9, checkpoints: ['a'] });
    expect(record.notable).toEqual([{ event: 'warning', message: 'w' }]);
  });
});

describe('joinPoints', () => {
  it('should fill the holes of the curve up to the step, and say which', () => {
    const joined = joinPoints(
      [1, 2, 5, 6].map((step) => point(step)),
      [2, 3, 4, 7].map((step) => point(step)),
      5,
    );
    expect(steps(joined.points)).toEqual([1, 2, 3, 4, 5]);
    expect(steps(joined.unreported)).toEqual([3, 4]);
  });
});

describe('artifactName', () => {
  it.each([
    ['output/x-epoch-1.safetensors', 'x-epoch-1.safetensors'],
    ['output/zwei Wörter.png', 'zwei_W_rter.png'],
    ['output/-rf.png', '_rf.png'],
    ['output/.hidden', '_hidden'],
    [`output/${'x'.repeat(250)}.safetensors`, `${'x'.repeat(188)}.safetensors`],
  ])('should call %s %s', (file, name) => {
    expect(artifactName(file)).toBe(name);
  });
});

describe('describeEvent', () => {
  it('should not report each state as if it were a checkpoint', () => {
    const event = {
      event: 'checkpoint',
      step: 3,
      epoch: 1,
      path: 'output/state/s/lora',
      statePath: 'output/state/s',
      isFinal: false,
    } as const;
    expect(describeEvent(event)).toBeUndefined();
    expect(describeEvent({ ...event, path: 'output/x.safetensors' })).toBe('Saved at step 3: output/x.safetensors');
  });
});

describe('lossCurveSvg', () => {
  const curve = (length: number, loss: (step: number) => number) =>
    Array.from({ length }, (_, index) => point(index + 1, loss(index + 1)));

  it('should draw points and their average without numbers that are none', () => {
    const svg = lossCurveSvg(
      curve(50, (step) => 1 / step),
      'Loss of x',
    );
    expect(svg.match(/<polyline/g)).toHaveLength(2);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it.each([
    [1, () => 1],
    [2, () => 0],
    [10_000, (step: number) => -step],
  ] as const)('should draw %d points, whatever they are', (length, loss) => {
    const svg = lossCurveSvg(curve(length, loss), 'x');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg.length).toBeLessThan(50_000);
  });

  it('should not let a title break out', () => {
    expect(
      lossCurveSvg(
        curve(2, () => 1),
        '</title><script>',
      ),
    ).not.toContain('<script>');
  });
});
