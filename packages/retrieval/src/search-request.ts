/** What the search program reads from standard input, as JSON. */
export interface SearchRequest {
  /** Absolute path of the index. */
  file: string;
  /** Words in any order; it is no language. */
  query: string;
  limit: number;
  /** Of the query: a vector of length 1. It is left aside where the index was made with another model, or with none. */
  embedding?: { model: string; vector: number[] } | undefined;
}

export interface SearchHit {
  /** Number of the row, from 1. */
  row: number;
  text: string;
  /** Higher is better; comparable within one answer alone. */
  score: number;
}

export interface SearchAnswer {
  /** Whether vectors were compared, too. */
  mode: 'text' | 'hybrid';
  /** Best first. */
  hits: SearchHit[];
}
