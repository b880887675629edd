import type { components } from './contract';

type Schemas = components['schemas'];

export type User = Schemas['User'];
export type TokenPair = Schemas['TokenPair'];
export type Project = Schemas['Project'];
export type Specification = Schemas['Specification'];
export type SpecificationRow = Schemas['SpecificationRow'];
export type Item = Schemas['Item'];
export type Change = Schemas['Change'];
export type Actor = Schemas['Actor'];
export type SearchHit = Schemas['SearchHit'];
export type Session = Schemas['Session'];
export type Revision = Schemas['Revision'];
export type Baseline = Schemas['Baseline'];
