/** Who starts a project and has been silent for so long has died. */
export const START_STALE_MS = 60_000;
