import type { TrainingSpec } from '@influencerai/shared';

/**
 * What a picture is learned with: its caption with those trigger words in front that it lacks. Without a caption, the
 * trigger words or the dataset's own alone.
 */
export function captionFor(
  text: string | undefined,
  { triggerWord, triggerWords = [] }: TrainingSpec['dataset'],
): string {
  const caption = text?.trim() || (triggerWord ?? '');
  const missing = triggerWords.filter((word) => !caption.includes(word));
  return [...missing, caption].filter((part) => part !== '').join(', ');
}
