import { t } from '../i18n';
import { deviceOf } from './device';
import { directory } from './directory.svelte';

/** deviceName names a device for people, by its User-Agent. */
export function deviceName(userAgent: string): string {
  const { program, system } = deviceOf(userAgent);
  return program && system ? t.deviceOn(program, system) : program || system || t.unknownDevice;
}

/** userName names a user, by the end of the id if the name is not known. */
export const userName = (id: string) => directory.nameOf(id) ?? t.userNamed(id.slice(-8));
