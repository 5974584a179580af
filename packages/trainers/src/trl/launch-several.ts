import { DRIVERS_DIR } from '../driver.js';
import type { Launch, Planned } from './plan.js';
import { driverConfig } from './plan.js';

const CONFIG_FILE = 'ranks.json';

/**
 * Several GPUs: accelerate starts one process for each, and no gate holds them, since each rank would have to wait.
 * What TRL prints is parsed. A stop signal reaches the whole process group; transformers then saves by itself.
 */
export const launchSeveral = (planned: Planned): Launch => {
  const { context, settings } = planned;
  const { sft, checkpoint, ...driver } = driverConfig(planned);
  const strategy =
    'everySteps' in checkpoint
      ? { save_strategy: 'steps', save_steps: checkpoint.everySteps }
      : { save_strategy: 'steps', save_steps: checkpoint.everyEpochs * planned.steps.perEpoch };
  const config = {
    resumeFrom: driver.resumeFrom,
    publicBase: driver.publicBase,
    metadata: driver.metadata,
    sft: { ...sft, ...strategy, save_total_limit: 3, enable_jit_checkpoint: true, disable_tqdm: false },
  };
  return {
    files: [{ path: CONFIG_FILE, content: `${JSON.stringify(config, null, 2)}\n` }],
    command: [
      'trl:python',
      '-m',
      'accelerate.commands.launch',
      ...['--multi_gpu', '--num_machines', '1', '--num_processes', String(context.host.gpus)],
      ...['--mixed_precision', settings.precision === 'fp32' ? 'no' : settings.precision],
      ...['--dynamo_backend', 'no', '--num_cpu_threads_per_process', '4'],
      ...['--module', 'influencerai_drivers.trl_ranks', '--config', CONFIG_FILE],
    ],
    env: { PYTHONPATH: DRIVERS_DIR },
    stdin: 'none',
  };
};
