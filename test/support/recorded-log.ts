import type { LoggerService } from '@nestjs/common';

/** A logger for Nest that keeps what it is told. */
export class RecordedLog implements LoggerService {
  readonly lines: { level: string; text: string }[] = [];

  log(message: unknown): void {
    this.add('log', message);
  }

  warn(message: unknown): void {
    this.add('warn', message);
  }

  error(message: unknown): void {
    this.add('error', message);
  }

  /** Lines of warnings and errors that hold `text`. */
  troubles(text = ''): string[] {
    return this.lines
      .filter(({ level }) => level !== 'log')
      .map((line) => line.text)
      .filter((line) => line.includes(text));
  }

  private add(level: string, message: unknown): void {
    this.lines.push({ level, text: message instanceof Error ? message.message : String(message) });
  }
}
