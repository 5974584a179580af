import {
  canWork,
  type DiskFinding,
  type Examination,
  type ModelFinding,
  type ModelsFinding,
  type TrainerFinding,
} from './examination.js';
import { gib } from './gib.js';
import { table, type TableRow } from '../render-table.js';

/** An examination as a table for people: what is fine, and under it what is not and what to do. */
export const renderExamination = (found: Examination): string => {
  const rows: TableRow[] = [
    ['host', `${found.host}, Node ${found.node}, ${gib(found.memoryBytes)} of memory`],
    ...gpuRows(found),
    ...found.disks.map(diskRow),
    ['datasets', found.datasets.way],
    ['API', found.api.url, found.api.problem],
    ['queue', found.queue.store, found.queue.problem],
    ...found.trainers.map(trainerRow),
    ...modelRows(found.models),
  ];
  return [...table(rows), '', verdict(found), ''].join('\n');
};

/** The registry as a table for people. */
export const renderModels = (models: ModelsFinding): string => [...table(modelRows(models)), ''].join('\n');

const gpuRows = ({ gpus, driver, gpuProblem }: Examination): TableRow[] => {
  if (gpuProblem) return [['GPU', 'none is usable', gpuProblem]];
  if (gpus.length === 0) return [['GPU', 'none; jobs run on the CPU']];
  return gpus.map(({ index, name, memoryMiB }) => [
    `GPU ${index}`,
    `${name}, ${gib(memoryMiB * 1024 * 1024)}${driver ? `, driver ${driver}` : ''}`,
  ]);
};

const diskRow = ({ what, path, freeBytes, problem }: DiskFinding): TableRow => [
  what,
  freeBytes === undefined ? path : `${path}, ${gib(freeBytes)} free`,
  problem,
];

const trainerRow = (trainer: TrainerFinding): TableRow => {
  const { id, isInstalled, version, python, torch, cuda, bitsandbytes, canStart, problem } = trainer;
  if (!isInstalled) return [id, 'not installed', problem];
  const facts = [
    version && `version ${version.slice(0, 12)}`,
    python && `Python ${python}`,
    torch && `torch ${torch}`,
    cuda !== undefined && (cuda ? `CUDA ${cuda}` : 'CPU only'),
    bitsandbytes === false && 'without bitsandbytes',
  ].filter((fact) => typeof fact === 'string');
  return [id, facts.join(', '), problem ?? (canStart ? undefined : 'It does not start.')];
};

const modelRows = (models: ModelsFinding): TableRow[] => {
  if (models.problem) return [['models', models.file ?? '', models.problem]];
  if (!models.file) return [['models', 'no registry (MODELS_FILE); public hub ids only']];
  return [['models', `${models.entries.length} in ${models.file}`], ...models.entries.map(modelRow)];
};

const modelRow = ({ name, trainer, missing, problems }: ModelFinding): TableRow => {
  const faults = [...problems, ...(missing.length > 0 ? [`not there: ${missing.join(', ')}`] : [])];
  return [`  ${name}`, trainer, faults.length > 0 ? faults.join('; ') : undefined];
};

const verdict = (found: Examination): string => {
  if (found.gpuProblem) return 'No worker starts on this host before its GPUs can be used.';
  const able = found.trainers.filter(({ canStart }) => canStart).map(({ id }) => id);
  return canWork(found) ? `A worker here offers ${able.join(', ')}.` : 'No trainer can start on this host.';
};
