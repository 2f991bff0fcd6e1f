// The composition's entry: what Remotion bundles.
import React from "react";
import { Composition, registerRoot } from "remotion";

import { Film } from "./film.jsx";

const calculateMetadata = ({ props }) => ({
  width: props.width,
  height: props.height,
  fps: props.fps,
  durationInFrames: props.frames,
});

const Root = () => (
  <Composition
    id="film"
    component={Film}
    defaultProps={{}}
    calculateMetadata={calculateMetadata}
    width={16}
    height={16}
    fps={30}
    durationInFrames={1}
  />
);

registerRoot(Root);
