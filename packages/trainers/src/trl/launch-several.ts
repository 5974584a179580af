import type { Launch, Planned } from './plan.js';
import { driverConfig, DRIVER_FILE } from './plan.js';

/**
 * Several GPUs: the driver has accelerate start one process for each, and no gate holds them, since each rank would have
 * to wait. What TRL prints is parsed. A stop signal reaches the whole process group; transformers then saves by itself.
 */
export const launchSeveral = (planned: Planned): Launch => {
  const { context, settings } = planned;
  const { sft, checkpoint, resumeFrom, publicBase, metadata } = driverConfig(planned);
  const saveSteps =
    'everySteps' in checkpoint ? checkpoint.everySteps : checkpoint.everyEpochs * planned.steps.perEpoch;
  const saves = { save_strategy: 'steps', save_steps: saveSteps, save_total_limit: 3, enable_jit_checkpoint: true };
  const config = {
    launcherArguments: [
      ...['--multi_gpu', '--num_machines', '1', '--num_processes', String(context.host.gpus)],
      ...['--mixed_precision', settings.precision === 'fp32' ? 'no' : settings.precision],
      ...['--dynamo_backend', 'no', '--num_cpu_threads_per_process', '4'],
    ],
    resumeFrom,
    publicBase,
    metadata,
    sft: { ...sft, ...saves, disable_tqdm: false },
  };
  return {
    files: [{ path: DRIVER_FILE, content: `${JSON.stringify(config, null, 2)}\n` }],
    command: ['trl', '--config', DRIVER_FILE],
    stdin: 'none',
  };
};
