/**
 * What is wrong with a folder for results, or undefined. They must not land among pictures to learn from, nor where the
 * samples of a job with the folder above lie.
 */
export function problemOfOutputPath(outputPath: string): string | undefined {
  const parts = outputPath.split('/').filter((part) => part !== '' && part !== '.');
  if (parts[1] === 'datasets') return 'Must not be below "data/datasets/", where datasets lie.';
  if (parts.at(-1) === 'samples')
    return 'Must not end in "samples": sample pictures of other jobs lie in folders of that name.';
  return undefined;
}
