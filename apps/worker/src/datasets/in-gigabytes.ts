/** For people: "1.5 GB", and with more digits below. */
export const inGigabytes = (bytes: number): string => `${Number((bytes / 1e9).toPrecision(3))} GB`;
