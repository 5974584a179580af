/** Where the files of a dataset lie that was uploaded. */
export const datasetKey = (id: string): string => `datasets/uploads/${id}`;

/** Where an upload keeps what is no dataset yet. No public path leads there. */
export const stagingKey = (id: string): string => `.uploads/${id}`;
