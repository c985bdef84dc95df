import type { LoggerService } from '@nestjs/common';

/** A logger for Nest that keeps what it is told. */
export class RecordedLog implements LoggerService {
  readonly lines: { level: string; text: string; stack?: string }[] = [];

  log(message: unknown): void {
    this.add('log', message);
  }

  warn(message: unknown): void {
    this.add('warn', message);
  }

  debug(message: unknown): void {
    this.add('debug', message);
  }

  error(message: unknown, ...[stack]: unknown[]): void {
    this.add('error', message, typeof stack === 'string' && stack.includes('\n') ? stack : undefined);
  }

  /** Lines of warnings and errors that hold `text`. */
  troubles(text = ''): string[] {
    return this.lines
      .filter(({ level }) => level === 'warn' || level === 'error')
      .map((line) => line.text)
      .filter((line) => line.includes(text));
  }

  private add(level: string, message: unknown, stack?: string): void {
    const text = message instanceof Error ? message.message : String(message);
    this.lines.push({ level, text, ...(stack !== undefined && { stack }) });
  }
}
