/** Changes when an older reader would not understand an index. */
export const FORMAT = '1';
