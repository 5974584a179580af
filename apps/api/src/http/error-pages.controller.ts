import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Public } from '../auth/access.js';
import { ERROR_CODES, ERRORS, type ErrorSpec } from '@influencerai/shared';

/** The page that the `type` of every error points to. */
@ApiExcludeController()
@Public()
@Controller('docs/errors')
export class ErrorPagesController {
  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('cache-control', 'public, max-age=3600')
  list(): string {
    return PAGE;
  }
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const row = (code: (typeof ERROR_CODES)[number]): string => {
  const { status, message, isRetryable = false }: ErrorSpec = ERRORS[code];
  return `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${escape(message)}</td><td>${isRetryable ? 'yes' : 'no'}</td></tr>`;
};

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Errors · InfluencerAI Training</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ddd}:target{background:#fff3c4}</style>
<h1>Errors</h1><p>Every answer that is not 2xx carries one of these codes. “Retry” says whether the same request may succeed later.</p>
<table><tr><th>Code<th>Status<th>What happened and what to do<th>Retry</tr>${ERROR_CODES.map(row).join('')}</table></html>`;
