import { account } from './de.account';
import type { Texts } from './en';

const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

/** The texts of the workspace in German. */
export const de: Texts = {
  ...account,

  projects: 'Projekte',
  project: 'Projekt',
  specification: 'Spezifikation',
  specifications: 'Spezifikationen',
  item: 'Punkt',
  search: 'Suchen',
  trash: 'Papierkorb',
  history: 'Verlauf',
  account: 'Konto',
  justNow: 'gerade eben',
  cancel: 'Abbrechen',
  close: 'Schließen',
  rename: 'Umbenennen',
  edit: 'Bearbeiten',
  undo: 'Rückgängig',
  retry: 'Erneut versuchen',
  reference: 'API-Referenz',
  menu: 'Menü',
  skip: 'Zum Inhalt',
  navigation: 'Navigation',
  loading: 'Wird geladen …',
  actionsOf: (name) => `Aktionen für ${name}`,
  specificationCount: (n) => plural(n, 'Spezifikation', 'Spezifikationen'),
  itemCount: (n) => plural(n, 'Punkt', 'Punkte'),

  welcome: 'Ein ruhiger Ort für Anforderungen',
  welcomeText:
    'Projekte enthalten Spezifikationen, Spezifikationen enthalten Punkte. Jede Änderung bleibt erhalten, alle sehen sie sofort, und Code kann jeden Punkt mit seiner Nummer nennen.',
  signIn: 'Mit Google anmelden',
  signOut: 'Abmelden',
  signInFailed: 'Die Anmeldung ist fehlgeschlagen. Bitte versuchen Sie es noch einmal.',
  signInDenied: 'Sie haben die Anmeldung bei Google abgelehnt.',
  sessionOver: 'Ihre Sitzung ist beendet',
  sessionOverText:
    'Melden Sie sich wieder an, um weiterzuarbeiten. Diese Seite bleibt, wie sie ist, und was Sie geschrieben haben, bleibt erhalten.',
  unreachable: 'Der Server ist nicht erreichbar',
  unreachableText:
    'Diese Seite versucht es von selbst noch einmal. Was Sie geschrieben haben, bleibt auf diesem Gerät.',

  newProject: 'Neues Projekt',
  projectTitle: 'Titel des Projekts',
  createProject: 'Projekt anlegen',
  noProjects: 'Ihr erstes Projekt',
  noProjectsText:
    'Ein Projekt enthält die Anforderungen an ein Produkt oder einen Dienst. Geben Sie ihm einen Namen; er lässt sich jederzeit ändern.',
  toTrash: 'In den Papierkorb',
  trashed: (name) => `„${name}“ ist im Papierkorb.`,
  projectGone: 'Dieses Projekt gibt es nicht',
  projectGoneText: 'Es liegt im Papierkorb, oder die Adresse ist falsch.',
  description: 'Beschreibung',
  addDescription: 'Beschreibung hinzufügen',
  updated: (when) => `geändert ${when}`,

  newSpecification: 'Neue Spezifikation',
  specificationTitle: 'Titel der Spezifikation',
  createSpecification: 'Spezifikation anlegen',
  noSpecifications: 'Noch nichts festgelegt',
  noSpecificationsText:
    'Eine Spezifikation beschreibt einen Teil des Produkts, etwa „Erstattungen“, und zählt als Punkte auf, was gelten muss.',

  pageGone: 'Diese Seite gibt es nicht',
  pageGoneText: 'Die Adresse ist falsch, oder was hier war, ist nicht mehr da.',
  toProjects: 'Zu Ihren Projekten',
  loadFailed: 'Das konnte nicht geladen werden',
};
