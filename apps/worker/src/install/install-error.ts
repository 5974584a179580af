/** An installation that did not come about; the message is for people and says what to do. */
export class InstallError extends Error {
  override readonly name = 'InstallError';
}
