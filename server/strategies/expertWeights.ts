// How far each expert is trusted: multiplicative weights with a fixed share (Herbster and Warmuth, "Tracking the Best Expert",
// 1998). Arithmetic alone.

/** `demand`: what was asked for; `graph`: predictive; `order`: what followed the last modules; `sessions`: similar sessions. */
export const EXPERTS = ['demand', 'graph', 'order', 'sessions'] as const;
export type Expert = (typeof EXPERTS)[number];

/** What each expert's probability was of the module that came. */
export type Likelihoods = Record<Expert, number>;

/** How fast weights follow: a weight is multiplied by likelihood ^ RATE. */
const RATE = 0.1;
/** What all experts get back in equal parts each time, so that one that has faded can return. */
const SHARE = 0.01;
/** Nobody is ruled out by a single outcome. */
const LEAST = 1e-4;

export class ExpertWeights {
  #weights: Likelihoods = equal();

  of(expert: Expert): number {
    return this.#weights[expert];
  }

  learn(likelihoods: Likelihoods): void {
    const grown = EXPERTS.map((expert) => this.#weights[expert] * (likelihoods[expert] + LEAST) ** RATE);
    const total = grown.reduce((sum, weight) => sum + weight, 0);
    EXPERTS.forEach((expert, index) => {
      this.#weights[expert] = (1 - SHARE) * ((grown[index] ?? 0) / total) + SHARE / EXPERTS.length;
    });
  }

  snapshot(): Likelihoods {
    return { ...this.#weights };
  }

  restore(weights: Likelihoods): void {
    this.#weights = { ...weights };
  }

  reset(): void {
    this.#weights = equal();
  }
}

const equal = (): Likelihoods => ({
  demand: 1 / EXPERTS.length,
  graph: 1 / EXPERTS.length,
  order: 1 / EXPERTS.length,
  sessions: 1 / EXPERTS.length,
});
