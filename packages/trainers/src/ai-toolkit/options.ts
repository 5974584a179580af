import { options } from './options.generated.js';

/**
 * The keys that ai-toolkit reads, by the section of a configuration that they stand in; it ignores all others. Extracted
 * from its source at the pinned commit by golden/extract_options.py.
 */
export const AI_TOOLKIT_OPTIONS: Readonly<Record<keyof typeof options, readonly string[]>> = options;
