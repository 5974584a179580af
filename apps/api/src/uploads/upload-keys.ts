/** Where the files of a dataset lie that was uploaded, as its tenant calls it. */
export const datasetPath = (id: string): string => `data/datasets/uploads/${id}`;

/** Where an upload keeps what is no dataset yet. No public path leads there. */
export const stagingKey = (id: string): string => `.uploads/${id}`;

/** An archive that came with a form. */
export const formKey = (id: string): string => `${stagingKey(id)}/form`;

/** What a resumable upload has brought so far, or one that goes straight to the bucket. */
export const receivedKey = (id: string): string => `${stagingKey(id)}/tus`;
