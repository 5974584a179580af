import type { JobMetric } from '@influencerai/shared';

const WIDTH = 720;
const HEIGHT = 360;
const MARGIN = { top: 40, right: 24, bottom: 44, left: 64 };
const MAX_POINTS = 600;
const SMOOTHING = 0.1;
const TICKS = 5;

/** Draws the loss over the steps as an SVG picture: the points faint, their moving average strong. */
export const lossCurveSvg = (metrics: readonly JobMetric[], title: string): string => {
  const points = thin(metrics);
  const scale = scaleFor(points);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escape(title)}</title>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="15" fill="#111">${escape(title)}</text>`,
    ...verticalAxis(scale),
    ...horizontalAxis(scale),
    line(points, scale, '#93c5fd', 1),
    line(smooth(points), scale, '#1d4ed8', 2),
    '</svg>',
    '',
  ].join('\n');
};

interface Scale {
  maxLoss: number;
  lastStep: number;
  x: (step: number) => number;
  y: (loss: number) => number;
}

type Point = Pick<JobMetric, 'step' | 'loss'>;

const scaleFor = (points: readonly Point[]): Scale => {
  const maxLoss = Math.max(...points.map(({ loss }) => loss), Number.MIN_VALUE) * 1.05;
  const lastStep = Math.max(1, points.at(-1)?.step ?? 1);
  const [width, height] = [WIDTH - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];
  return {
    maxLoss,
    lastStep,
    x: (step) => round(MARGIN.left + (step / lastStep) * width),
    y: (loss) => round(MARGIN.top + (1 - Math.max(0, loss) / maxLoss) * height),
  };
};

const thin = (metrics: readonly JobMetric[]): Point[] => {
  const every = Math.ceil(metrics.length / MAX_POINTS);
  return metrics.filter((_, index) => index % every === 0 || index === metrics.length - 1);
};

const smooth = (points: readonly Point[]): Point[] => {
  let average = points[0]?.loss ?? 0;
  return points.map(({ step, loss }) => {
    average += SMOOTHING * (loss - average);
    return { step, loss: average };
  });
};

const line = (points: readonly Point[], { x, y }: Scale, colour: string, width: number): string => {
  const coordinates = points.map(({ step, loss }) => `${x(step)},${y(loss)}`).join(' ');
  return `<polyline points="${coordinates}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linejoin="round"/>`;
};

const ticks = (max: number): number[] => Array.from({ length: TICKS }, (_, index) => (max * index) / (TICKS - 1));

const verticalAxis = ({ maxLoss, y }: Scale): string[] =>
  ticks(maxLoss).flatMap((loss) => [
    `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(loss)}" y2="${y(loss)}" stroke="#e5e7eb"/>`,
    `<text x="${MARGIN.left - 8}" y="${y(loss) + 4}" text-anchor="end" fill="#555">${loss.toPrecision(3)}</text>`,
  ]);

const horizontalAxis = ({ lastStep, x }: Scale): string[] => [
  ...ticks(lastStep).map(
    (step) => `<text x="${x(step)}" y="${HEIGHT - 22}" text-anchor="middle" fill="#555">${Math.round(step)}</text>`,
  ),
  `<text x="${WIDTH / 2}" y="${HEIGHT - 6}" text-anchor="middle" fill="#555">step</text>`,
];

const round = (value: number): number => Math.round(value * 10) / 10;

const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
