export type TomlValue = string | number | boolean | readonly (string | number)[];

/** A number that kohya must read as a float although it is whole. */
export const FLOAT_OPTIONS: ReadonlySet<string> = new Set([
  'learning_rate',
  'learning_rate_te',
  'unet_lr',
  'text_encoder_lr',
  'network_alpha',
  'network_dropout',
  'scale_weight_norms',
  'noise_offset',
  'min_snr_gamma',
  'caption_dropout_rate',
  'guidance_scale',
  'discrete_flow_shift',
]);

/**
 * Writes a flat TOML file. The values reach kohya as they are typed here: it neither converts nor checks them
 * (kohya sd-scripts: `train_util.read_config_from_file`).
 */
export const toToml = (options: Readonly<Record<string, TomlValue | undefined>>): string =>
  Object.entries(options)
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key} = ${toValue(key, value)}\n`]))
    .join('');

const toValue = (key: string, value: TomlValue): string => {
  if (typeof value === 'string') return toText(value);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return toNumber(key, value);
  return `[${value.map((item) => toValue(key, item)).join(', ')}]`;
};

const toNumber = (key: string, value: number): string => {
  if (!Number.isFinite(value)) throw new RangeError(`${key} must be finite.`);
  return FLOAT_OPTIONS.has(key) && Number.isSafeInteger(value) ? value.toFixed(1) : String(value);
};

// JSON's escapes are a subset of TOML's, but for DEL, which TOML wants escaped.
const toText = (value: string): string => JSON.stringify(value).replaceAll('\u007f', '\\u007f');
