import { describe, expect, it } from '@jest/globals';
import { ERROR_CODES } from '@influencerai/shared';
import { ErrorPagesController } from './error-pages.controller.js';

describe(ErrorPagesController.name, () => {
  it.each(ERROR_CODES)('should have a place that the type of %s points to', (code) => {
    expect(new ErrorPagesController().list()).toContain(`<tr id="${code}">`);
  });
});
